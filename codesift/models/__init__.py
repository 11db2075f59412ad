"""Base models, language adapters, the vector spaces that pairs of them span, and the text that is encoded."""
