"""The mode `human` for terminals: one header line for each hit, then its code in color.

This module is imported only when it is needed: importing rich takes longer than a whole piped search may.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TextIO, TypeVar
from urllib.parse import quote

from rich.console import Console
from rich.style import Style
from rich.syntax import ANSISyntaxTheme, Syntax
from rich.text import Text

from codesift.parsing.languages import LANGUAGES
from codesift.terminal.render.captions import facts, headline
from codesift.terminal.render.excerpt import Line, anchor_number, code_lines, excerpt, focus_number, with_gaps
from codesift.terminal.render.plain import UNREADABLE, nearly_same
from codesift.terminal.render.text import (
    contributions_text,
    cut_mark,
    gap_mark,
    score_text,
    visible,
    visible_code,
    write,
)
from codesift.terminal.render.view import View, shown_path
from codesift.types import Answer, Cluster, Duplicates, Hit, UnitLocation

T = TypeVar("T")
TAB = 4
MAX_HIGHLIGHTED_LINES = 5_000
"""Maximum number of lines that are highlighted. Beyond it, highlighting takes seconds."""
MAX_HIGHLIGHTED_LENGTH = 2_000
"""Maximum number of characters of a line that are highlighted; no terminal is wider."""
_OPENINGS = {"php": "<?php\n"}
"""Lexer -> text that it must read before it recognizes a part of a file as code."""
# These are the terminal's own colors, so that text is readable on a light background. Bright black is not
# among them, as it is the background in widespread palettes.
_COLORS = {
    ("Comment",): Style(dim=True, italic=True),
    ("Comment", "Preproc"): Style(color="magenta"),
    ("Keyword",): Style(color="magenta"),
    ("Keyword", "Constant"): Style(color="yellow"),
    ("Keyword", "Type"): Style(color="cyan"),
    ("Literal", "Number"): Style(color="yellow"),
    ("Literal", "String"): Style(color="green"),
    ("Literal", "String", "Doc"): Style(dim=True, italic=True),
    ("Name", "Class"): Style(color="blue", bold=True),
    ("Name", "Decorator"): Style(color="yellow"),
    ("Name", "Function"): Style(color="blue", bold=True),
    ("Operator", "Word"): Style(color="magenta"),
}
_PATH = Style(color="cyan")
_NAME = Style(bold=True)
_DIM = Style(dim=True)
_FOCUS = Style(color="yellow", bold=True)


def show_human(answer: Answer, view: View, out: TextIO, root_for_links: str) -> None:
    """Write every hit for a terminal of the width of `out`."""
    screen = _Screen(_console(view, out), out, answer.root, root_for_links, view, not answer.matches)
    _show_each(answer.hits, screen.show, screen, out)


def show_clusters(duplicates: Duplicates, view: View, out: TextIO) -> None:
    """Write every cluster of near-duplicates for a terminal."""
    screen = _Screen(_console(view, out), out, duplicates.root, duplicates.root, view)
    _show_each(duplicates.clusters, screen.show_cluster, screen, out)


def _console(view: View, out: TextIO) -> Console:
    return Console(
        file=out,
        no_color=None if view.color else True,
        force_terminal=True,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )


def _show_each(items: Iterable[T], show: Callable[[T], None], screen: _Screen, out: TextIO) -> None:
    """Write each item once it is drawn, with a blank line between items."""
    for rank, item in enumerate(items):
        with screen.console.capture() as capture:
            if rank:
                screen.console.print()
            show(item)
        write(out, capture.get())


class _Screen:
    """Draws hits at the width of one console; they are muted if they are only the closest units."""

    def __init__(
        self, console: Console, out: TextIO, root: str, link_root: str, view: View, muted: bool = False
    ) -> None:
        self.console, self._root, self._link_root, self._view = console, root, link_root, view
        self._gap, self._mark = gap_mark(out), cut_mark(out)
        self._path, self._name, self._focus = (_DIM,) * 3 if muted else (_PATH, _NAME, _FOCUS)
        self._muted = muted

    def show(self, hit: Hit) -> None:
        lines = code_lines(hit)
        shown = excerpt(hit, lines, self._view)
        self._header(hit, anchor_number(hit, lines), len(lines) if len(shown) < len(lines) else 0)
        if self._view.explain:
            self._print(Text(f"  = {contributions_text(hit.signals)}", _DIM))
        if shown:
            self._print(self._code(hit, lines, shown))
        elif hit.code == "":
            self._print(Text(f"  {UNREADABLE}", _DIM))
        if hit.more:
            self._print(Text(f"  {len(hit.more)} more like this", _DIM))
        for location in hit.more:
            self._print(
                Text.assemble("    ", self._position(location), "  ", visible(location.qualified_name))
            )

    def show_cluster(self, cluster: Cluster) -> None:
        """Draw the headline of a cluster, then each unit with its position, name and likeness to the
        first."""
        self._print(Text(headline(cluster), _NAME))
        for hit in cluster.hits:
            details = ", ".join(facts(hit, hit is cluster.hits[0]))
            name = visible(hit.qualified_name)
            self._print(
                Text.assemble(
                    "  ", self._position(hit.location()), "  ", (name, _NAME), (f"  {details}", _DIM)
                )
            )

    def _position(self, location: UnitLocation, number: int | None = None) -> Text:
        number = location.start_line if number is None else number
        style = self._path + Style(link=link_target(self._link_root, location.path, number))
        return Text(f"{visible(shown_path(location.path, self._root, self._view))}:{number}", style)

    def _print(self, text: Text) -> None:
        self.console.print(text, soft_wrap=True)

    def _header(self, hit: Hit, number: int, length: int) -> None:
        """Place, name and score on one line; on two where they do not fit, since a cut path opens nothing."""
        location = self._position(hit.location(), number)
        size = f", {length} lines" if length else ""
        name = Text.assemble(
            (visible(hit.qualified_name), self._name), (f"  {visible(hit.kind)}{size}", _DIM)
        )
        score = Text("  ".join([*nearly_same(hit), score_text(hit.score)]), _DIM)
        rest = self.console.width - location.cell_len - name.cell_len - score.cell_len
        if rest >= 4:
            self._print(Text.assemble(location, "  ", name, " " * (rest - 2), score))
            return
        self._print(Text.assemble(location, " " * max(2, rest + name.cell_len), score))
        self._print(Text.assemble("  ", name))

    def _code(self, hit: Hit, lines: list[Line], shown: list[Line]) -> Text:
        drawn = dict(zip(shown, self._drawn(hit, lines, shown), strict=True))
        digits = max(4, len(str(shown[-1].number)))
        focus = focus_number(hit, lines)
        rows = []
        for line in with_gaps(shown):
            if line is None:
                rows.append(Text(f"  {self._gap:>{digits}}", _DIM))
                continue
            style = self._focus if line.number == focus else _DIM
            rows.append(self._cut(Text.assemble((f"  {line.number:>{digits}}  ", style), drawn[line])))
        return Text("\n").join(rows)

    def _drawn(self, hit: Hit, lines: list[Line], shown: list[Line]) -> list[Text]:
        rows = highlighted("text" if self._muted else hit.language, lines, shown)
        for row in rows if self._muted else ():
            row.stylize(_DIM)
        return rows

    def _cut(self, row: Text) -> Text:
        if row.cell_len <= self.console.width:
            return row
        row.truncate(max(0, self.console.width - len(self._mark)), overflow="crop")
        return row.append(self._mark, _DIM)


def link_target(root: str, path: str, number: int) -> str | None:
    """Return a `file://` address that opens the file; some terminals jump to the line in its fragment."""
    try:
        name = Path(root, path).absolute().as_posix().encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return None
    return f"file://{quote(name)}#{number}"


def highlighted(language: str, lines: list[Line], shown: list[Line]) -> list[Text]:
    """Highlight `shown`: common indentation removed, tabs expanded, control characters visible.

    The lexer reads all lines from the start of the unit, so that it recognizes the middle of a string.
    """
    read = lines[: shown[-1].number - lines[0].number + 1]
    read = read if len(read) <= MAX_HIGHLIGHTED_LINES else shown
    texts = [visible_code(line.text[:MAX_HIGHLIGHTED_LENGTH]).expandtabs(TAB).rstrip() for line in read]
    drawn = _draw(language, texts)
    by_number = {line.number: text for line, text in zip(read, drawn, strict=True)}
    rows = [by_number[line.number] for line in shown]
    margin = min((_indentation(row.plain) for row in rows if row.plain), default=0)
    return [row[margin:] if row.plain else row for row in rows]


def _indentation(text: str) -> int:
    return len(text) - len(text.lstrip(" "))


def _draw(language: str, texts: list[str]) -> list[Text]:
    """Return a styled text for each line; without colors if the lexer is unknown or changes the text."""
    lexer = LANGUAGES[language].lexer if language in LANGUAGES else "text"
    if lexer != "text" and len(texts) <= MAX_HIGHLIGHTED_LINES:
        opening = _OPENINGS.get(lexer, "")
        # ANSISyntaxTheme looks a token up as the tuple of its names: no pygments import is needed here.
        syntax = Syntax("", lexer, theme=ANSISyntaxTheme(_COLORS), tab_size=TAB)
        text = syntax.highlight(opening + "\n".join(texts))
        drawn = list(text.split("\n", allow_blank=True))[opening.count("\n") :][: len(texts)]
        if [row.plain for row in drawn] == texts:
            return drawn
    return [Text(text) for text in texts]
