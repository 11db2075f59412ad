(function_definition
  declarator: [
    (function_declarator declarator: (_) @name)
    (operator_cast) @name
    (pointer_declarator (function_declarator declarator: (_) @name))
    (reference_declarator (function_declarator declarator: (_) @name))
    (pointer_declarator (pointer_declarator (function_declarator declarator: (_) @name)))
    (pointer_declarator (reference_declarator (function_declarator declarator: (_) @name)))
    (qualified_identifier name: (operator_cast)) @name]
  body: (_) @body) @function
(template_declaration
  (function_definition
    declarator: [
      (function_declarator declarator: (_) @name)
      (operator_cast) @name
      (pointer_declarator (function_declarator declarator: (_) @name))
      (reference_declarator (function_declarator declarator: (_) @name))]
    body: (_) @body)) @function
(template_declaration
  (template_declaration
    (function_definition
      declarator: [
        (function_declarator declarator: (_) @name)
        (pointer_declarator (function_declarator declarator: (_) @name))
        (reference_declarator (function_declarator declarator: (_) @name))]
      body: (_) @body))) @function

; A definition behind a macro: `TEST(Suite, Case) { ... }`.
(function_definition
  !type
  declarator: (function_declarator
    declarator: (identifier) @_macro
    parameters: (parameter_list .
      (parameter_declaration type: (type_identifier) @owner !declarator) .
      (parameter_declaration type: (type_identifier) @name !declarator) .))
  body: (compound_statement) @body
  (#match? @_macro "^[A-Z][A-Z0-9_]+$")) @function

(class_specifier name: (_) @name body: (_) @body) @class
(struct_specifier name: (_) @name body: (_) @body) @class
(union_specifier name: (_) @name body: (_) @body) @class
(enum_specifier name: (_) @name body: (_) @body) @class
(template_declaration [
  (class_specifier name: (_) @name body: (_) @body)
  (struct_specifier name: (_) @name body: (_) @body)
  (union_specifier name: (_) @name body: (_) @body)]) @class
(template_declaration
  (template_declaration [
    (class_specifier name: (_) @name body: (_) @body)
    (struct_specifier name: (_) @name body: (_) @body)])) @class
(concept_definition name: (_) @name) @class
(declaration
  type: [
    (class_specifier name: (_) @name body: (_) @body)
    (struct_specifier name: (_) @name body: (_) @body)
    (union_specifier name: (_) @name body: (_) @body)
    (enum_specifier name: (_) @name body: (_) @body)]) @class
(field_declaration
  type: [
    (class_specifier name: (_) @name body: (_) @body)
    (struct_specifier name: (_) @name body: (_) @body)
    (union_specifier name: (_) @name body: (_) @body)
    (enum_specifier name: (_) @name body: (_) @body)]) @class
(type_definition
  type: [
    (struct_specifier name: (_) @name body: (_) @body)
    (union_specifier name: (_) @name body: (_) @body)
    (enum_specifier name: (_) @name body: (_) @body)]) @class
(type_definition
  type: [
    (struct_specifier !name body: (_) @body)
    (union_specifier !name body: (_) @body)
    (enum_specifier !name body: (_) @body)]
  declarator: (type_identifier) @name .) @class

(comment) @comment
(access_specifier) @blank
["#endif" "#else" "#ifdef" "#ifndef"] @blank
(preproc_ifdef name: (_) @blank)
(preproc_if "#if" @blank condition: (_) @blank)
(preproc_elif "#elif" @blank condition: (_) @blank)
(linkage_specification ["extern" (string_literal)] @blank)
(namespace_definition ["inline" "namespace"] @blank)
(namespace_definition name: (_) @blank)
