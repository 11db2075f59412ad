(function_declaration name: (identifier) @name body: (_) @body) @function
(generator_function_declaration name: (identifier) @name body: (_) @body) @function
(export_statement declaration: (function_declaration name: (identifier) @name body: (_) @body)) @function
(export_statement
  declaration: (generator_function_declaration name: (identifier) @name body: (_) @body)) @function
(export_statement
  value: [(function_expression !name body: (_) @body) (arrow_function body: (_) @body)]
  (#set! name "default")) @function
(export_statement value: (function_expression name: (identifier) @name body: (_) @body)) @function
(export_statement value: (class !name body: (_) @body) (#set! name "default")) @class

; Functions and classes bound to a name.
(lexical_declaration . _ .
  (variable_declarator
    name: (identifier) @name
    value: [
      (arrow_function body: (_) @body)
      (function_expression body: (_) @body)
      (generator_function body: (_) @body)]) .) @function
(variable_declarator
  name: (identifier) @name
  value: [
    (arrow_function body: (_) @body)
    (function_expression body: (_) @body)
    (generator_function body: (_) @body)]) @function
(export_statement
  declaration: (lexical_declaration . _ .
    (variable_declarator
      name: (identifier) @name
      value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) .)) @function
(lexical_declaration (variable_declarator name: (_) @name value: (class body: (_) @body))) @class
(variable_declaration . _ .
  (variable_declarator
    name: (identifier) @name
    value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) .) @function
(assignment_expression left: (_) @name right: (class body: (_) @body)) @class

(expression_statement
  (assignment_expression
    left: (member_expression
      object: (member_expression object: (_) @owner property: (_) @_prototype)
      property: (_) @name)
    right: [(arrow_function body: (_) @body) (function_expression body: (_) @body)])
  (#eq? @_prototype "prototype")) @function
(assignment_expression
  left: (member_expression object: (identifier) @owner property: (_) @name)
  right: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]
  (#not-match? @owner "^(exports|module|self|window|global|globalThis)$")) @function
(expression_statement
  (assignment_expression
    left: [(identifier) @name (member_expression property: (_) @name)]
    right: [
      (arrow_function body: (_) @body)
      (function_expression body: (_) @body)
      (generator_function body: (_) @body)])) @function

(pair
  key: [(property_identifier) (string)] @name
  value: [
    (arrow_function body: (_) @body)
    (function_expression body: (_) @body)
    (generator_function body: (_) @body)]) @function
(method_definition name: (_) @name body: (_) @body) @function
(public_field_definition
  name: (_) @name
  value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) @function

(class_declaration name: (_) @name body: (_) @body) @class
(export_statement declaration: (class_declaration name: (_) @name body: (_) @body)) @class
(abstract_class_declaration name: (_) @name body: (_) @body) @class
(export_statement declaration: (abstract_class_declaration name: (_) @name body: (_) @body)) @class
(interface_declaration name: (_) @name body: (_) @body) @class
(export_statement declaration: (interface_declaration name: (_) @name body: (_) @body)) @class
(type_alias_declaration name: (_) @name value: (_) @body) @class
(export_statement declaration: (type_alias_declaration name: (_) @name value: (_) @body)) @class
(enum_declaration name: (_) @name body: (_) @body) @class
(export_statement declaration: (enum_declaration name: (_) @name body: (_) @body)) @class

; An object bound to a name qualifies its functions.
(variable_declarator name: (identifier) @name value: (object)) @scope
(assignment_expression
  left: (member_expression object: (identifier) @name property: (_) @_prototype)
  right: (object)
  (#eq? @_prototype "prototype")) @scope

(decorator) @decorator
(comment) @comment
(hash_bang_line) @blank
