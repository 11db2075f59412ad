(function_declaration "func" . name: _ @name body: (_) @body) @function
(init_declaration "init" @name body: (_) @body) @function
(deinit_declaration "deinit" @name body: (_) @body) @function
(subscript_declaration "subscript" @name (computed_property) @body) @function
(property_declaration name: (pattern (simple_identifier) @name) computed_value: (_) @body) @function
(property_declaration name: (pattern (simple_identifier) @name) value: (lambda_literal) @body) @function

(class_declaration name: (_) @name body: (_) @body) @class
(protocol_declaration name: (_) @name body: (_) @body) @class

(modifiers (attribute) @decorator)
[(comment) (multiline_comment)] @comment
