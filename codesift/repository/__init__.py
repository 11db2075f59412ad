"""Which files belong to a repository, and their text."""
