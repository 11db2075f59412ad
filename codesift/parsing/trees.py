"""Queries over syntax trees of untrusted files, in time that is linear in the size of the file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node, Query, Tree

    QueryMatch = tuple[int, dict[str, list[Node]]]

MAX_LEVELS = 500
"""Maximum level of the tree on which a match may begin. A query takes time with the number of nodes times the
number of levels with an unfinished match. Code that is nested deeper stays in the definitions around it."""
MAX_TOKENS = 20_000
"""Maximum number of consecutive tokens inside one syntax error. For each of them the query searches for the
next named node, so the time grows with the square of their number: 20,000 take 0.5 s, 160,000 half a
minute."""


class GivenUpError(Exception):
    """Parsing a file would take longer than any file of a real project."""


def find_matches(query: Query, tree: Tree) -> list[QueryMatch]:
    """Return the matches of a query in a tree.

    A running query cannot be stopped (with a `progress_callback`, tree-sitter 0.26 crashes), so trees that
    would take long are recognized before.

    Raises:
        GivenUpError: the tree would take too long.
    """
    from tree_sitter import QueryCursor

    if tree.root_node.has_error and max(_token_runs(tree)) > MAX_TOKENS:
        raise GivenUpError
    cursor = QueryCursor(query)
    cursor.set_max_start_depth(MAX_LEVELS)
    return cursor.matches(tree.root_node)


def _token_runs(tree: Tree) -> Iterator[int]:
    """Yield the lengths of runs of tokens without a named node between them, where the syntax is broken."""
    cursor = tree.walk()
    above: list[int] = []
    run = 0
    while True:
        node = cursor.node
        assert node
        run = 0 if node.is_named else run + 1
        yield run
        if node.has_error and cursor.goto_first_child():
            above.append(run)
            run = 0
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return
            run = above.pop()
