"""Digests: they identify texts in an index."""

from __future__ import annotations

import hashlib


def text_digest(text: str, adapter_key: str = "") -> bytes:
    """Return the 16-byte digest of a text or, with a key, of its vector by an adapter."""
    content = text.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(content, digest_size=16, key=adapter_key.encode()).digest()
