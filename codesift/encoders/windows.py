"""Cut a unit into windows of tokens that overlap and know their lines, the first ones of a very long unit."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import islice
from typing import TYPE_CHECKING

from codesift.encoders.tokens import without_surrogates
from codesift.types import Window

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tokenizers import Encoding, Tokenizer

SLACK = 2
"""Tokens kept free: the first word of a window can become a token or two more than it was inside its line."""

MAX_WINDOWS = 64
"""Windows of one unit: about 13,000 tokens, or 1,300 lines. They take 2 to 4 seconds to encode; longer units
are data or generated, and their words are found all the same."""
FIRST_CHARACTERS = 32_000
"""Characters of a long text that are tokenised first. Four times as many are if they make too few windows."""
MAX_CHARACTERS = 128_000
"""Characters of a unit that are tokenised at all: 64 windows of code take 50,000."""


class Windows:
    """Cuts units for one tokenizer.

    Args:
        tokenizer: without truncation and padding.
        room: tokens of text that fit the encoder's window.
    """

    def __init__(self, tokenizer: Tokenizer, room: int) -> None:
        self._tokenizer = tokenizer
        self._room = room
        self._head_room = (room + 2) // 4

    def of(self, head: str, body: str, first_line: int) -> list[Window]:
        """The windows of one unit.

        Args:
            head: stands at the beginning of each window.
            body: is cut into the windows.
            first_line: line of the file at which the body starts.
        """
        head, body = without_surrogates(head), without_surrogates(body[:MAX_CHARACTERS])
        text = _join(head, body)
        if self._fits(text):
            return [Window(text, first_line, first_line + _breaks(body))]
        return self._cut(head, body, first_line)

    def _fits(self, text: str) -> bool:
        # A token takes at least one ASCII character, so a short text need not be tokenised.
        if text.isascii() and len(text) <= self._room:
            return True
        starts = dict.fromkeys((text[:FIRST_CHARACTERS], text))
        return all(self._count(start) <= self._room for start in starts)

    def _count(self, text: str) -> int:
        """Number of tokens; faster than `_encode`, which also says where they are."""
        return len(self._tokenizer.encode_batch_fast([text], add_special_tokens=False)[0])

    def _cut(self, head: str, body: str, first: int) -> list[Window]:
        head = self._shorten(head)
        used = len(self._encode(_join(head, "\n")))
        windows = []
        line, seen = first, 0
        for start, end in self._spans(body, max(self._room - used - SLACK, 1)):
            line += body.count("\n", seen, start)
            seen = start
            part = body[start:end]
            windows.append(Window(_join(head, part), line, line + _breaks(part)))
        return windows

    def _spans(self, body: str, room: int) -> list[tuple[int, int]]:
        """The first `MAX_WINDOWS` spans; no more of the body is tokenised than they need."""
        length = FIRST_CHARACTERS
        while length < len(body):
            # Only the last word can differ from the tokens of the whole body: two windows further on.
            spans = _spans(body[:length], self._encode(body[:length]), room)
            found = list(islice(spans, MAX_WINDOWS + 2))
            if len(found) == MAX_WINDOWS + 2:
                return found[:MAX_WINDOWS]
            length *= 4
        return list(islice(_spans(body, self._encode(body), room), MAX_WINDOWS))

    def _shorten(self, head: str) -> str:
        offsets = self._encode(head).offsets
        return head if len(offsets) <= self._head_room else head[: offsets[self._head_room - 1][1]]

    def _encode(self, text: str) -> Encoding:
        return self._tokenizer.encode(text, add_special_tokens=False)


def _join(head: str, body: str) -> str:
    return f"{head}\n{body}" if head and body else head or body


def _breaks(text: str) -> int:
    """Line breaks between the first and the last line."""
    return text.count("\n") - text.endswith("\n")


def _spans(body: str, encoding: Encoding, room: int) -> Iterator[tuple[int, int]]:
    """Ranges of characters that cover `body`, of at most `room` tokens each, overlapping by about a sixth."""
    cuts = _Cuts(body, encoding)
    overlap = room // 6
    begin = at = 0
    while at + room < len(cuts.starts):
        end = cuts.last_in(at + room - room // 4, at + room, at + room)
        yield begin, cuts.position(end)
        at = cuts.last_in(end - overlap - overlap // 2, end - overlap // 2, end - overlap)
        begin = cuts.position(at)
    yield begin, len(body)


class _Cuts:
    """Where a text may be cut: best before a line, else before a word, else before any token."""

    def __init__(self, body: str, encoding: Encoding) -> None:
        self._body = body
        self.starts = [start for start, _ in encoding.offsets]
        self._words = encoding.word_ids
        self._lines = self._tokens_after_breaks()

    def _tokens_after_breaks(self) -> list[int]:
        """The tokens that are the first of a line."""
        found, at = [], self._body.find("\n")
        while at >= 0:
            found.append(bisect_left(self.starts, at + 1))
            at = self._body.find("\n", at + 1)
        return found

    def last_in(self, low: int, high: int, otherwise: int) -> int:
        """The last good token to cut before, from `low` to `high` inclusive."""
        place = bisect_right(self._lines, high) - 1
        if place >= 0 and self._lines[place] >= low:
            return self._lines[place]
        words = (i for i in range(high, max(low, 1) - 1, -1) if self._words[i] != self._words[i - 1])
        return next(words, otherwise)

    def position(self, token: int) -> int:
        """The character to cut at: the begin of the line if the token is its first."""
        start = self.starts[token]
        break_at = self._body.rfind("\n", self.starts[token - 1], start) if token else -1
        return break_at + 1 if break_at >= 0 else start
