(function_definition name: (name) @name body: (_) @body) @function
(method_declaration name: (name) @name body: (_) @body) @function
(expression_statement
  (assignment_expression
    left: (variable_name) @name
    right: [(anonymous_function body: (_) @body) (arrow_function body: (_) @body)])) @function

(class_declaration name: (name) @name body: (_) @body) @class
(interface_declaration name: (name) @name body: (_) @body) @class
(trait_declaration name: (name) @name body: (_) @body) @class
(enum_declaration name: (name) @name body: (_) @body) @class

(attribute_list) @decorator
(comment) @comment
(php_tag) @blank
