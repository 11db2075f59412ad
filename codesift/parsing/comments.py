"""Extraction of the prose from comments and docstrings as they are written in source files."""

from __future__ import annotations

import re

_OPENING = re.compile(r"""^\s*(?:/\*+[*!]?|[rRbBuUfF]{0,2}(?:\"{3}|'{3}|"|')|=begin)""")
_CLOSING = re.compile(r"""(?:(?<!\*)\*+/|\"{3}|'{3}|"|'|=end)\s*$""")
_LINE_MARK = re.compile(r"^[ \t]*(?://+[!<]?|#+!?|\*(?!\*)|--)[ \t]?", re.MULTILINE)
_RULER = re.compile(r"^[ \t]*[-=*#/~+_]{3,}[ \t]*$\n?", re.MULTILINE)
_TAG = re.compile(r"</?(?:summary|remarks|para|returns|value|example|code|c)/?>")
"""Tags in the documentation of C#."""
_LICENSE = re.compile(
    r"copyright|licen[sc]ed?\b|spdx-|all rights reserved|permission is hereby", re.IGNORECASE
)
_DIRECTIVE = re.compile(
    r"^(?:frozen_string_literal|encoding|-\*-|noqa|type:|eslint|prettier|go:build|\+build|vim?:|@ts-|pylint|"
    r"clang-format|rubocop|shellcheck|NOLINT)",
)


def prose(comment: str) -> str:
    """Remove the comment marks, or the quotes of a docstring, and the common indentation."""
    text = comment.strip()
    if _OPENING.match(text):
        text = _CLOSING.sub("", _OPENING.sub("", text, count=1), count=1)
    text = _LINE_MARK.sub("", _TAG.sub("", _RULER.sub("", text)))
    lines = [line.rstrip() for line in text.strip().splitlines()]
    if len(lines) == 1 and _DIRECTIVE.match(lines[0]):
        return ""
    return "\n".join(_dedented(lines)).strip()


def _dedented(lines: list[str]) -> list[str]:
    indents = [len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()]
    common = min(indents, default=0)
    return lines[:1] + [line[common:] for line in lines[1:]]


def is_license(comment: str) -> bool:
    """Return whether a comment at the head of a file is a license, not documentation of the code."""
    return _LICENSE.search(comment) is not None
