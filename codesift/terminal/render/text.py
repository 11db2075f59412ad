"""Text from a repository is untrusted: this module makes it harmless before it reaches a terminal."""

from __future__ import annotations

import re
from typing import TextIO

# It matches C0 except tab and line feed, DEL and C1, line separators, characters that reorder text, and lone
# surrogates.
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
    """Escape control characters, bidi marks and lone surrogates, but not tab and line feed."""
    return _UNSAFE.sub(_escape, text)


def visible(text: str) -> str:
    """Escape a text for one line: as `visible_code`, and also tab and line feed."""
    escaped = visible_code(text)
    for character, name in _BREAKS.items():
        escaped = escaped.replace(character, name)
    return escaped


def write(out: TextIO, text: str) -> None:
    """Write a text; characters outside the encoding of the stream become backslash escapes."""
    encoding = _encoding(out)
    out.write(text.encode(encoding, "backslashreplace").decode(encoding))


def can_hold(out: TextIO, text: str) -> bool:
    """Return whether the encoding of the stream has every character of a text."""
    try:
        text.encode(_encoding(out))
    except UnicodeEncodeError:
        return False
    return True


def _encoding(out: TextIO) -> str:
    # In StringIO, the attribute is None.
    return getattr(out, "encoding", None) or "utf-8"


def gap_mark(out: TextIO) -> str:
    """Return the mark for lines left out."""
    return "⋮" if can_hold(out, "⋮") else ":"


def cut_mark(out: TextIO) -> str:
    """Return the mark for the rest of a line left out."""
    return "…" if can_hold(out, "…") else "..."


def cut(text: str, length: int, mark: str) -> str:
    """Shorten a text to at most `length` characters, including the mark."""
    return text if len(text) <= length else text[: length - len(mark)] + mark


def score_text(score: float) -> str:
    """Format a score with two decimals, or two digits if it is small: `0.83`, `0.016`, `<0.01`."""
    if 0 < score < 0.01:
        return "<0.01"
    return f"{score:.2f}" if abs(score) >= 0.095 or score == 0 else f"{score:.2g}"


def same_tokens(jaccard: float) -> str:
    """Format a Jaccard index: `87% same tokens`. It is 100% only if all tokens are the same."""
    return f"{int(jaccard * 100)}% same tokens"


def contributions_text(signals: dict[str, float]) -> str:
    """Format contributions, the largest first: `meaning 2.521 + words 1.310 + test -0.800`."""
    ordered = sorted(signals.items(), key=lambda item: -abs(item[1]))
    return " + ".join(f"{visible(name)} {value:.3f}" for name, value in ordered)
