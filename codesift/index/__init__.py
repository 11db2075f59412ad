"""The index of a repository: SQLite, full text, vectors and graph; opening, repair and updates.

This package contains all SQL, all files of an index folder, and the stages of an update. Encoders are passed
in as a function that opens one. The package may import `repository`, `parsing`, `models` and the packages
below them; it ranks nothing.
"""
