"""Text to units: languages, tree-sitter grammars and their queries, nesting, comments.

What belongs here turns the text of one file into units, whatever the text: a language is a row of
`languages.LANGUAGES` and a file in `queries/`, never a branch. No file of a repository is opened here. It may
import `system`, `types`, `words` and what lies below them.
"""
