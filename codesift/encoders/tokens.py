"""Text -> token ids, the special tokens of the base model around them."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from codesift.errors import ModelError
from codesift.models.files import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tokenizers import Tokenizer

    from codesift.encoders.engine import Ids
    from codesift.models.bases import Base

TEXTS_PER_CALL = 512
"""Texts tokenised in one call; their `Encoding` objects are ten times as large as the ids kept."""

MIN_ROOM = 8
"""Minimum room for text in a window: the head of a unit takes up to a quarter of it, and windows overlap."""


class Tokens:
    """A base model's tokenizer with its window.

    Args:
        tokenizer: the model's own; its padding and truncation are switched off.
        base: whose window, prefix and suffix are used.

    Raises:
        ModelError: if the tokenizer lacks a token the base needs, or leaves too little room for text.
    """

    def __init__(self, tokenizer: Tokenizer, base: Base) -> None:
        _check_parts(tokenizer)
        tokenizer.no_padding()
        tokenizer.no_truncation()
        tokenizer.add_special_tokens(list(base.added))
        self.tokenizer = tokenizer
        before, after = _frame(tokenizer)
        self._before = before + [_id(tokenizer, token) for token in base.prefix]
        self._after = [_id(tokenizer, token) for token in base.suffix] + after
        self.room = base.window - len(self._before) - len(self._after)
        """Tokens of text that fit the window."""
        if self.room < MIN_ROOM:
            raise ModelError(f"special tokens leave {max(self.room, 0)} of {base.window} tokens for text")

    def ids(self, texts: Sequence[str], words: int | None = None) -> list[Ids]:
        """The ids of each text, shape (tokens,), cut at the window's end.

        Args:
            texts: what is encoded.
            words: rows of the model's word table; None where the ids are not looked up in one.

        Raises:
            ModelError: the tokenizer cannot take a text, or gives a token that is not in the word table.
        """
        rows: list[Ids] = []
        for start in range(0, len(texts), TEXTS_PER_CALL):
            chunk = [without_surrogates(text) for text in texts[start : start + TEXTS_PER_CALL]]
            with readable_errors():
                encodings = self.tokenizer.encode_batch_fast(chunk, add_special_tokens=False)
                rows += [self._row(encoding.ids) for encoding in encodings]
        largest = max((int(row.max(initial=0)) for row in rows), default=0)
        if words is not None and largest >= words:
            raise ModelError(
                f"the model's tokenizer gives token {largest}, its table has {words} words",
                "its files may be of different models",
            )
        return rows

    def _row(self, ids: list[int]) -> Ids:
        return np.array([*self._before, *ids[: self.room], *self._after], dtype=np.int32)


@contextmanager
def readable_errors() -> Iterator[None]:
    """Turn what `tokenizers` raises, a bare Exception or a panic of Rust, into a ModelError."""
    try:
        yield
    except BaseException as error:
        # A panic is no Exception, and its class cannot be imported.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        reason = str(error).strip().split("\n")[0]
        raise ModelError(f"the model's tokenizer cannot be used: {reason}") from error


def without_surrogates(text: str) -> str:
    """The text without lone surrogates (undecodable bytes of an argument), which no tokenizer takes."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _check_parts(tokenizer: Tokenizer) -> None:
    """Check for what makes `tokenizers` panic, which would write lines of its own to the terminal."""
    for part in (tokenizer.post_processor, tokenizer.pre_tokenizer):
        for row in _objects(json.loads(part.__getstate__())) if part else ():
            special = row.get("special_tokens") or {}
            pieces = row.get("single") if row.get("type") == "TemplateProcessing" else None
            ids = [piece["SpecialToken"]["id"] for piece in pieces or () if "SpecialToken" in piece]
            if missing := [number for number in ids if number not in special]:
                raise ModelError(
                    f"the model's tokenizer does not number its special token {shown(missing[0])}"
                )
            if row.get("type") == "FixedLength" and not row.get("length"):
                raise ModelError("the model's tokenizer cuts text into parts of length 0")


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """All objects inside a JSON value."""
    if isinstance(value, dict):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _objects(part)


def _frame(tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """What the tokenizer itself puts before and after a text."""
    with readable_errors():
        encoding = tokenizer.encode("a")
    special = encoding.special_tokens_mask
    if 0 not in special:
        raise ModelError("the model's tokenizer has no token for text")
    begin = special.index(0)
    end = len(special) - special[::-1].index(0)
    return encoding.ids[:begin], encoding.ids[end:]


def _id(tokenizer: Tokenizer, token: str) -> int:
    number = tokenizer.token_to_id(token)
    if number is None:
        raise ModelError(f"the model's tokenizer has no token {token}", "its files may be of another model")
    return int(number)
