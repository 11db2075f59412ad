(function_item name: (_) @name body: (block) @body) @function
(macro_definition name: (identifier) @name . ["(" "{" "["] @body) @function

(struct_item name: (_) @name body: (_)? @body) @class
(enum_item name: (_) @name body: (_) @body) @class
(union_item name: (_) @name body: (_) @body) @class
(trait_item name: (_) @name body: (_) @body) @class

(impl_item type: (_) @name) @scope

; Items handed to a macro (`cfg_net! { ... }`) are read as items.
(source_file (macro_invocation (token_tree) @inner))
(source_file (expression_statement (macro_invocation (token_tree) @inner)))
(declaration_list (macro_invocation (token_tree) @inner))

(attribute_item) @decorator
[(line_comment) (block_comment)] @comment
(mod_item "mod" @blank name: (_) @blank body: (_))
