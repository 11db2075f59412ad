"""Text from a repository is data: made harmless here before a terminal sees it."""

from __future__ import annotations

import re
from typing import TextIO

# C0 but tab and newline, DEL and C1; line separators; everything that reorders text; lone surrogates.
_UNSAFE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_BREAKS = {"\t": "\\t", "\n": "\\n"}


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file name that was not UTF-8
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def visible_code(text: str) -> str:
    """`text` with control characters, bidi marks and lone surrogates written out; tab and newline kept."""
    return _UNSAFE.sub(_escape, text)


def visible(text: str) -> str:
    """`visible_code` for what belongs on one line: tab and newline are written out as well."""
    escaped = visible_code(text)
    for character, name in _BREAKS.items():
        escaped = escaped.replace(character, name)
    return escaped


def write(out: TextIO, text: str) -> None:
    """Write `text`; what the stream's encoding cannot hold is written as a backslash escape."""
    encoding = _encoding(out)
    out.write(text.encode(encoding, "backslashreplace").decode(encoding))


def can_hold(out: TextIO, text: str) -> bool:
    """Whether the stream's encoding has every character of `text`."""
    try:
        text.encode(_encoding(out))
    except UnicodeEncodeError:
        return False
    return True


def _encoding(out: TextIO) -> str:
    # StringIO has the attribute, with None in it.
    return getattr(out, "encoding", None) or "utf-8"


def gap_mark(out: TextIO) -> str:
    """The sign for lines left out."""
    return "⋮" if can_hold(out, "⋮") else ":"


def cut_mark(out: TextIO) -> str:
    """The sign for the rest of a line left out."""
    return "…" if can_hold(out, "…") else "..."


def cut(text: str, length: int, mark: str) -> str:
    """`text`, at most `length` characters long."""
    return text if len(text) <= length else text[: length - len(mark)] + mark


def score_text(score: float) -> str:
    """Two decimals, or two digits where the score is small: `0.83`, `0.016`, `<0.01`."""
    if 0 < score < 0.01:
        return "<0.01"
    return f"{score:.2f}" if abs(score) >= 0.095 or score == 0 else f"{score:.2g}"


def same_tokens(jaccard: float) -> str:
    """`87% same tokens`. Only what is the same to the last token has 100%."""
    return f"{int(jaccard * 100)}% same tokens"


def contributions_text(signals: dict[str, float]) -> str:
    """`meaning 2.521 + words 1.310 + test -0.800`, what counts most first."""
    ordered = sorted(signals.items(), key=lambda item: -abs(item[1]))
    return " + ".join(f"{visible(name)} {value:.3f}" for name, value in ordered)
