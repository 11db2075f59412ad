"""Tables and facts that `index`, `status`, `models` and `config` print, and notes and errors on one line."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from codesift.terminal.render.machine import VERSION, write_json
from codesift.terminal.render.text import visible, write
from codesift.terminal.render.view import View
from codesift.types import Report


def show_note(text: str, err: TextIO, choices: Sequence[str] = ()) -> None:
    """Write `codesift: text` to `err`, and each of `choices` on a line below it."""
    for line in (f"codesift: {visible(text)}", *(f"  {visible(choice)}" for choice in choices)):
        write(err, line + "\n")


def show_report(report: Report, out: TextIO, err: TextIO, quiet: bool) -> None:
    """Write the summary of an `index` run to `out`; if there was nothing to index, `err` says so even if
    quiet."""
    if not report.files:
        show_note(f"no file to index in {report.root}", err)
    if quiet:
        return
    what = "Stopped indexing" if report.stopped else "Indexed"
    write(out, f"{what} {visible(report.root)} in {duration(report.seconds)}\n")
    for label, text in _report_rows(report):
        write(out, f"  {label:<9}{text}\n")


def _report_rows(report: Report) -> list[tuple[str, str]]:
    rows = [
        ("files", _joined(f"{report.files:,}", parsed=report.parsed, removed=report.removed)),
        ("units", f"{report.units:,}"),
        ("vectors", f"{report.vectors_ready:,} of {report.units:,} units, {_embedded(report)}"),
    ]
    if report.skipped:
        reasons = sorted(report.skipped.items(), key=lambda item: (-item[1], item[0]))
        listed = ", ".join(f"{visible(reason)} {count:,}" for reason, count in reasons)
        rows.append(("skipped", f"{sum(report.skipped.values()):,}: {listed}"))
    return rows


def _embedded(report: Report) -> str:
    return f"{report.embedded:,} embedded, {report.reused:,} reused"


def _joined(head: str, **counts: int) -> str:
    return ", ".join([head, *(f"{count:,} {label}" for label, count in counts.items())])


def show_status(status: Mapping[str, Any], view: View, out: TextIO) -> None:
    """Write facts about the index. Keys that end in `_bytes` are sizes; underscores in a key become spaces.

    A terminal gets aligned columns and readable numbers, a pipe `key<TAB>value`, `json` the mapping itself.
    """
    if view.mode == "json":
        write_json({"version": VERSION, **status}, out)
    elif view.mode == "human":
        _show_aligned([_readable(key, value) for key, value in status.items()], out)
    else:
        for key, value in status.items():
            write(out, f"{visible(key)}\t{_raw(value)}\n")


def _show_aligned(rows: Sequence[tuple[str, str]], out: TextIO) -> None:
    width = max((len(key) for key, _ in rows), default=0)
    for key, value in rows:
        write(out, f"{key:<{width}}  {value}".rstrip() + "\n")


def show_models(rows: Sequence[Mapping[str, Any]], view: View, out: TextIO) -> None:
    """Write base models and adapters, see `_show_rows`."""
    _show_rows("models", rows, view, out)


def show_indexes(rows: Sequence[Mapping[str, Any]], view: View, out: TextIO) -> None:
    """Write the indexes of all repositories, see `_show_rows`."""
    _show_rows("indexes", rows, view, out)


def show_settings(rows: Sequence[Mapping[str, Any]], view: View, out: TextIO) -> None:
    """Write settings with their sources, see `_show_rows`."""
    _show_rows("settings", rows, view, out)


def _show_rows(title: str, rows: Sequence[Mapping[str, Any]], view: View, out: TextIO) -> None:
    """Write a table with a column for each key of the first row: drawn, tab-separated with a header, or
    JSON."""
    if view.mode == "json":
        write_json({"version": VERSION, title: [dict(row) for row in rows]}, out)
    elif view.mode == "human" and rows:
        _draw_table(rows, out)
    else:
        columns = list(rows[0]) if rows else []
        for cells in ([*columns], *([_raw(row.get(column)) for column in columns] for row in rows)):
            write(out, "\t".join(cells) + "\n")


_OPTIONAL_COLUMNS = ("files", "license", "dimensions")
"""Columns of models that are omitted on a narrow terminal, in this order; `--json` has all of them."""


def _draw_table(rows: Sequence[Mapping[str, Any]], out: TextIO) -> None:
    """Write one line for each row if the terminal is wide enough, else one block: no text is folded or
    cut."""
    columns = list(rows[0]) if rows else []
    for omitted in ("", *_OPTIONAL_COLUMNS):
        columns = [column for column in columns if column != omitted]
        table = [[_readable(column, row.get(column)) for column in columns] for row in rows]
        widths = [max(len(text) for cell in cells for text in cell) for cells in zip(*table, strict=True)]
        if sum(widths) + 2 * len(widths) - 2 <= shutil.get_terminal_size().columns:
            _write_lines(table, widths, out)
            return
    for rank, row in enumerate(rows):
        write(out, "\n" if rank else "")
        _show_aligned([_readable(column, value) for column, value in row.items()], out)


def _write_lines(table: Sequence[Sequence[tuple[str, str]]], widths: Sequence[int], out: TextIO) -> None:
    for line in [[heading for heading, _ in table[0]], *([text for _, text in row] for row in table)]:
        padded = (f"{text:<{width}}" for text, width in zip(line, widths, strict=True))
        write(out, "  ".join(padded).rstrip() + "\n")


def _heading(key: str) -> str:
    return visible(key.removesuffix("_bytes").replace("_", " "))


def _readable(key: str, value: object) -> tuple[str, str]:
    """Return the heading of a key, and its value in readable form."""
    if key.endswith("_bytes") and isinstance(value, int):
        return _heading(key), size(value)
    if key == "figures" and isinstance(value, Mapping) and {"metric", "base", "adapter"} <= set(value):
        metric, base, adapter = (visible(str(value[part])) for part in ("metric", "base", "adapter"))
        return key, f"{metric} {base} -> {adapter}"
    return _heading(key), _words(value)


def _words(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Mapping):
        return ", ".join(f"{visible(str(key))} {_words(item)}" for key, item in value.items()) or "-"
    if isinstance(value, (list, tuple)):
        return ", ".join(_words(item) for item in value) or "-"
    return visible(str(value))


def _raw(value: object) -> str:
    if isinstance(value, Mapping):
        return ",".join(f"{visible(str(key))}={_raw(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ",".join(_raw(item) for item in value)
    return "" if value is None else visible(str(value))


def size(count: float) -> str:
    """Format a number of bytes with powers of 1,000: `512 B`, `1.4 MB`."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def duration(seconds: float) -> str:
    """Format a duration: `0.08 s`, `12.3 s`, `4 min 05 s`."""
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"
