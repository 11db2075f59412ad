(function_definition name: (_) @name body: (_) @body) @function
(val_definition pattern: (identifier) @name value: (lambda_expression) @body) @function

(class_definition name: (_) @name) @class
(class_definition name: (_) @name body: (_) @body) @class
(trait_definition name: (_) @name) @class
(trait_definition name: (_) @name body: (_) @body) @class
(object_definition name: (_) @name) @class
(object_definition name: (_) @name body: (_) @body) @class
(package_object name: (_) @name body: (_) @body) @class
(enum_definition name: (_) @name body: (_) @body) @class
(given_definition name: (_) @name body: [(template_body) (with_template_body)] @body) @class
(given_definition !name return_type: (_) @name body: [(template_body) (with_template_body)] @body) @class

(extension_definition parameters: (parameters (parameter type: (_) @name))) @scope

(annotation) @decorator
[(comment) (block_comment)] @comment
