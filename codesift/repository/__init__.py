"""Which files belong to a repository, and their text.

What belongs here decides by paths, by what git says and by the first bytes of a file: the walk, ignore files,
the rules of what is left out, and the only code that opens a repository's files for indexing. It may import
`parsing` (which language a file has), `config`, `patterns` and what lies below them; it knows no units, no
models and no index.
"""
