(method name: (_) @name) @function
(method name: (_) @name body: (_) @body) @function
(singleton_method name: (_) @name) @function
(singleton_method name: (_) @name body: (_) @body) @function
(call
  method: (identifier) @_define
  arguments: (argument_list . [(simple_symbol) (string)] @name)
  block: (_) @body
  (#match? @_define "^define_(singleton_)?method$")) @function

(class name: (_) @name) @class
(class name: (_) @name body: (_) @body) @class
(module name: (_) @name) @class
(module name: (_) @name body: (_) @body) @class
(assignment
  left: (constant) @name
  right: (call
    receiver: (constant) @_base
    method: (identifier) @_make
    block: (_) @body)
  (#match? @_base "^(Struct|Class|Module|Data)$")
  (#match? @_make "^(new|define)$")) @class

(comment) @comment
(class "end" @blank)
(module "end" @blank)
(singleton_class ["class" "<<" "end" (self)] @blank)
