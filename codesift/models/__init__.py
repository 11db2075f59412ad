"""Base models, language adapters, the vector spaces they span, and the text that is encoded."""
