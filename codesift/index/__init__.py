"""What is stored of a repository: SQLite, full text, vectors, the graph; opening, repair, update.

What belongs here stores, finds again and examines: all SQL, all files of an index folder, and the stages that
bring them in step with the repository. Encoders come in from outside, as a function that opens one. It may
import `repository`, `parsing`, `models` and what lies below them; it ranks nothing.
"""
