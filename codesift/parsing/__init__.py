"""Text to units: languages, tree-sitter grammars and their queries, nesting, comments."""
