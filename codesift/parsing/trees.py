"""A query over the syntax tree of a stranger's file, in a time that grows no faster than the file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node, Query, Tree

    Match = tuple[int, dict[str, list[Node]]]

MOST_LEVELS = 500
"""Levels of the tree on which a match may begin. A query takes the number of nodes times that of the levels
with an unfinished match, so what is nested deeper is left in the definitions around it."""
MOST_TOKENS = 20_000
"""Tokens in a row inside one syntax error. For each of them the query looks for the next named node, so the
time grows with the square of their number: 20,000 take 0.5 s, 160,000 half a minute."""


class GivenUpError(Exception):
    """A file would take longer than any file of a real project."""


def matches(query: Query, tree: Tree) -> list[Match]:
    """What a query finds in a tree.

    The query cannot be stopped (with a `progress_callback`, tree-sitter 0.26 crashes), so trees that would
    take long are recognized before.

    Raises:
        GivenUpError: the tree would take too long.
    """
    from tree_sitter import QueryCursor

    if tree.root_node.has_error and max(_token_runs(tree)) > MOST_TOKENS:
        raise GivenUpError
    cursor = QueryCursor(query)
    cursor.set_max_start_depth(MOST_LEVELS)
    return cursor.matches(tree.root_node)


def _token_runs(tree: Tree) -> Iterator[int]:
    """The lengths reached by runs of tokens without a named node between them, where the syntax is broken."""
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
