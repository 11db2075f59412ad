(function_declaration name: (identifier) @name body: (block) @body) @function
(method_declaration
  receiver: (parameter_list (parameter_declaration type: (_) @owner))
  name: (field_identifier) @name
  body: (block) @body) @method
(var_declaration . "var" .
  (var_spec name: (identifier) @name value: (expression_list . (func_literal body: (_) @body) .))) @function
(var_spec name: (identifier) @name value: (expression_list . (func_literal body: (_) @body) .)) @function
(short_var_declaration
  left: (expression_list . (identifier) @name .)
  right: (expression_list . (func_literal body: (_) @body) .)) @function

(type_declaration . "type" .
  (type_spec name: (type_identifier) @name type: [(struct_type (_) @body) (interface_type "{" @body)])) @class
(type_spec name: (type_identifier) @name type: [(struct_type (_) @body) (interface_type "{" @body)]) @class

(comment) @comment
