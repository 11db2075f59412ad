(function_declaration name: (identifier) @name (function_body) @body) @function
(function_declaration
  [(user_type) (nullable_type) (parenthesized_type)] @owner . "." .
  name: (identifier) @name
  (function_body) @body) @function
(secondary_constructor "constructor" @name (block) @body) @function
(property_declaration (variable_declaration (identifier) @name) (getter (function_body)) @body) @function
(property_declaration (variable_declaration (identifier) @name) (setter (function_body)) @body) @function
(property_declaration
  [(user_type) (nullable_type)] @owner . "." .
  (variable_declaration (identifier) @name)
  (getter (function_body)) @body) @function
(property_declaration
  (variable_declaration (identifier) @name)
  [(lambda_literal) (anonymous_function)] @body) @function

(class_declaration name: (identifier) @name) @class
(class_declaration name: (identifier) @name [(class_body) (enum_class_body)] @body) @class
(object_declaration name: (identifier) @name) @class
(object_declaration name: (identifier) @name (class_body) @body) @class

(annotation) @decorator
(source_file (annotated_expression . (annotation)) @decorator)
[(line_comment) (block_comment)] @comment
