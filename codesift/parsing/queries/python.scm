(function_definition name: (identifier) @name body: (block) @body) @function
(decorated_definition
  definition: (function_definition name: (identifier) @name body: (block) @body)) @function
(expression_statement
  (assignment left: (identifier) @name right: (lambda) @body)) @function

(class_definition name: (identifier) @name body: (block) @body) @class
(decorated_definition
  definition: (class_definition name: (identifier) @name body: (block) @body)) @class

(function_definition body: (block . (comment)* . (expression_statement . (string) @documentation .)))
(class_definition body: (block . (comment)* . (expression_statement . (string) @documentation .)))
(module . (comment)* . (expression_statement . (string) .) @comment)

(comment) @comment
(decorator) @decorator
