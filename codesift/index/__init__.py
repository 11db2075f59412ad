"""What is stored of a repository: SQLite, full text, vectors, the graph; opening, repair, update."""
