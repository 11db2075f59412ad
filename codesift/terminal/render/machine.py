"""JSON output: version 1 of the format that other programs read."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, TextIO

from codesift.terminal.render.excerpt import code_lines, focus_number
from codesift.types import Answer, Cluster, Duplicates, Hit

VERSION = 1
SNIPPET_LINES = 80
SNIPPET_CHARACTERS = 20_000


def answer_json(answer: Answer, full: bool = False) -> dict[str, Any]:
    """Convert an answer to plain values, documented under "JSON" in the README.

    `path` counts from the root with forward slashes; numbers are rounded to 6 decimals. `snippet` has
    whole consecutive lines: at most `SNIPPET_LINES` of the part that matched best, or the whole unit with
    `full`.
    """
    return {
        "version": VERSION,
        "query": answer.query,
        "index": {"root": answer.root, "units": answer.units, "vectors_ready": answer.vectors_ready},
        **_confidence(answer),
        "results": [_result(hit, full) for hit in answer.hits],
    }


def duplicates_json(duplicates: Duplicates) -> dict[str, Any]:
    """Convert the result of `similar --all` to plain values, documented under "JSON" in the README."""
    return {
        "version": VERSION,
        "min": duplicates.min_cosine,
        "index": {
            "root": duplicates.root,
            "units": duplicates.units,
            "vectors_ready": duplicates.vectors_ready,
        },
        "clusters_found": duplicates.total,
        "clusters": [_cluster(cluster) for cluster in duplicates.clusters],
    }


def _cluster(cluster: Cluster) -> dict[str, Any]:
    members = [
        {**_unit(hit), "cosine": round(float(hit.score), 6), "common_tokens": _common_tokens(hit)}
        for hit in cluster.hits
    ]
    return {"saved_lines": cluster.saved_lines(), "units": members}


def _confidence(answer: Answer) -> dict[str, Any]:
    """The judgement of a `query`; nothing for `similar`, which has none."""
    if answer.judgement is None:
        return {}
    confidence, answerable, matches = answer.judgement
    return {"confidence": round(confidence, 6), "answerable": round(answerable, 6), "matches": matches}


def write_json(value: object, out: TextIO) -> None:
    """Write a value as JSON in ASCII: on one line, or indented on a terminal.

    Raises:
        ValueError: a number is NaN or infinite, which JSON cannot hold.
    """
    indent = 2 if out.isatty() else None
    out.write(json.dumps(value, indent=indent, default=str, allow_nan=False) + "\n")


def _result(hit: Hit, full: bool) -> dict[str, Any]:
    compared = {} if hit.common_tokens is None else {"common_tokens": _common_tokens(hit)}
    return {
        **_unit(hit),
        "score": round(float(hit.score), 6),
        "signals": {name: round(float(value), 6) for name, value in hit.signals.items()},
        "snippet": hit.code if full else _snippet(hit),
        "more": [asdict(place) for place in hit.more],
        **compared,
    }


def _common_tokens(hit: Hit) -> float:
    return round(hit.common_tokens or 0.0, 6)


def _unit(hit: Hit) -> dict[str, Any]:
    return {
        "path": hit.path,
        "start_line": hit.start_line,
        "end_line": hit.end_line,
        "name": hit.name,
        "qualified_name": hit.qualified_name,
        "kind": hit.kind,
        "language": hit.language,
    }


def _snippet(hit: Hit) -> str:
    lines = code_lines(hit)
    first, last = hit.best_lines
    if last - first >= SNIPPET_LINES:
        first = max(first, min(focus_number(hit, lines) - SNIPPET_LINES // 4, last - SNIPPET_LINES + 1))
        last = first + SNIPPET_LINES - 1
    chosen = [line.text for line in lines if first <= line.number <= last] or [line.text for line in lines]
    return "\n".join(chosen)[:SNIPPET_CHARACTERS]
