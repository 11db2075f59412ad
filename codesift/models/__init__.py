"""Base models, language adapters, the vector spaces they span, and the text that is encoded.

What belongs here says which files make a vector and what a space's id depends on, and checks files of models
before anything is made of them. A base model is a row of `bases.BASES`. No vector is computed here: numpy
and engines stay out. It may import `parsing`, `config` and what lies below them, and not `repository`.
"""
