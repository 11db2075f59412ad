"""Code-to-code pairs: a function and a clone of it whose identifiers have other names."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from codesift.parsing import grammar
from codesift.words import split_identifier
from evaluation.records import Function
from training.learning.pairs import packages_in_turn
from training.learning.views import Pair

if TYPE_CHECKING:
    from tree_sitter import Node

CLONE = "clone"
_RENAMED = 0.7
"""Share of the identifiers of a clone that get another name."""
_SHORT = ("a", "b", "c", "d", "i", "j", "k", "m", "n", "p", "q", "r", "s", "t", "u", "v", "w", "x", "y", "z")
_LEAVES = frozenset(
    {"identifier", "field_identifier", "property_identifier", "variable_name", "name", "constant"}
)
_FEWEST = 4
"""Identifiers a function must have for its clone to say anything."""


def clone_pairs(functions: Sequence[Function], count: int, seed: int) -> list[Pair]:
    """About `count` pairs; the query is the clone, the code the function as search sees it.

    Args:
        functions: of one or several languages; packages take turns.
        count: how many.
        seed: the same seed makes the same clones.
    """
    rng = random.Random(seed)
    pairs: list[Pair] = []
    for function in packages_in_turn((each for each in functions if each.kind != "class"), rng):
        if len(pairs) >= count:
            break
        clone = renamed(function, rng)
        if clone:
            pairs.append(Pair(CLONE, clone, *function.text(rng.random() < 0.5), function))
    return pairs


def renamed(function: Function, rng: random.Random) -> str:
    """The code with most identifiers renamed throughout; empty if it has too few."""
    places = list(_identifiers(function))
    names = sorted({name for _, _, name in places})
    if len(names) < _FEWEST:
        return ""
    chosen = [name for name in names if rng.random() < _RENAMED or name == function.name]
    other = {name: _another(name, number, rng) for number, name in enumerate(chosen)}
    source = function.code.encode("utf-8", "replace")
    parts, end = [], 0
    for start, stop, name in places:
        parts += [source[end:start], other.get(name, name).encode()]
        end = stop
    return b"".join([*parts, source[end:]]).decode("utf-8", "replace")


def _another(name: str, number: int, rng: random.Random) -> str:
    """A short name, or one of the old name's words; different names stay different."""
    words = split_identifier(name)
    if len(words) > 1 and rng.random() < 0.3:
        return f"{rng.choice(words)}{number}"
    short = rng.choice(_SHORT)
    return short if number < len(_SHORT) and rng.random() < 0.3 else f"{short}{number}"


def _identifiers(function: Function) -> Iterator[tuple[int, int, str]]:
    """(start, end, name) of each identifier of the code, in bytes, in order."""
    from tree_sitter import Parser

    loaded = grammar.load(function.language)
    if loaded is None:
        return
    source = function.code.encode("utf-8", "replace")
    for node in _leaves(Parser(loaded.language).parse(source).root_node):
        if node.type in _LEAVES:
            yield node.start_byte, node.end_byte, source[node.start_byte : node.end_byte].decode()


def _leaves(root: Node) -> Iterator[Node]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.child_count == 0:
            yield node
        waiting += reversed(node.children)
