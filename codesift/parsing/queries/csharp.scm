(method_declaration name: (identifier) @name body: (_) @body) @method
(constructor_declaration name: (identifier) @name body: (_) @body) @method
(destructor_declaration "~" @name name: (identifier) @name body: (_) @body) @method
(operator_declaration "operator" @name operator: _ @name body: (_) @body) @method
(conversion_operator_declaration "operator" @name type: (_) @name body: (_) @body) @method
(property_declaration
  name: (identifier) @name
  accessors: (accessor_list (accessor_declaration body: (_))) @body) @method
(property_declaration name: (identifier) @name value: (arrow_expression_clause) @body) @method
(indexer_declaration "this" @name accessors: (accessor_list (accessor_declaration body: (_))) @body) @method
(indexer_declaration "this" @name value: (arrow_expression_clause) @body) @method
(event_declaration name: (identifier) @name accessors: (accessor_list) @body) @method
(local_function_statement name: (identifier) @name body: (_) @body) @function

(class_declaration name: (identifier) @name body: (_)? @body) @class
(interface_declaration name: (identifier) @name body: (_) @body) @class
(struct_declaration name: (identifier) @name body: (_)? @body) @class
(enum_declaration name: (identifier) @name body: (_) @body) @class
(record_declaration name: (identifier) @name body: (_)? @body) @class

(attribute_list) @decorator
(comment) @comment
(namespace_declaration "namespace" @blank name: (_) @blank)
