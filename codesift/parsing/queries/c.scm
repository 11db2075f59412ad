(function_definition
  declarator: [
    (function_declarator declarator: (_) @name)
    (pointer_declarator (function_declarator declarator: (_) @name))
    (pointer_declarator (pointer_declarator (function_declarator declarator: (_) @name)))
    (function_declarator
      declarator: (parenthesized_declarator
        (pointer_declarator (function_declarator declarator: (_) @name))))]
  body: (compound_statement) @body) @function

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

(struct_specifier name: (_) @name body: (_) @body) @class
(union_specifier name: (_) @name body: (_) @body) @class
(enum_specifier name: (_) @name body: (_) @body) @class
(declaration
  type: [
    (struct_specifier name: (_) @name body: (_) @body)
    (union_specifier name: (_) @name body: (_) @body)
    (enum_specifier name: (_) @name body: (_) @body)]) @class
(field_declaration
  type: [
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
["#endif" "#else" "#ifdef" "#ifndef"] @blank
(preproc_ifdef name: (_) @blank)
(preproc_if ["#if" (preproc_defined)] @blank)
(preproc_if condition: (_) @blank)
(preproc_elif "#elif" @blank condition: (_) @blank)
(linkage_specification ["extern" (string_literal)] @blank)
