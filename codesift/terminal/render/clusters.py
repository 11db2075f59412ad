"""Clusters of near-duplicates for pipes and editors; `human` draws them for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from codesift.terminal.render.captions import facts, headline
from codesift.terminal.render.machine import duplicates_json, write_json
from codesift.terminal.render.plain import write_paths
from codesift.terminal.render.tables import show_note
from codesift.terminal.render.text import visible, write
from codesift.terminal.render.view import View, shown_path
from codesift.types import Cluster, Duplicates, Hit


def show_duplicates(duplicates: Duplicates, view: View, out: TextIO, err: TextIO) -> None:
    """Write clusters to `out` in the mode of `view`; if there are none, a line on `err` says so.

    Raises:
        BrokenPipeError: the reader of `out` has closed it.
    """
    if view.mode == "json":
        write_json(duplicates_json(duplicates), out)
    elif view.mode == "files":
        paths = (hit.path for cluster in duplicates.clusters for hit in cluster.hits)
        write_paths(paths, duplicates.root, view, out)
    elif view.mode == "vimgrep":
        _show_vimgrep(duplicates, view, out)
    elif not duplicates.clusters:
        write(err, f"no near-duplicates with a cosine of {duplicates.min_cosine:g} or more\n")
    elif view.mode == "human":
        from codesift.terminal.render.human import show_clusters

        show_clusters(duplicates, view, out)
    else:
        _show_plain(duplicates, view, out)


def show_extent(duplicates: Duplicates, err: TextIO) -> None:
    """Write to `err` what the output lacks: units without vectors yet, and clusters beyond the limit."""
    if duplicates.vectors_ready < duplicates.units:
        ready = f"{duplicates.vectors_ready:,} of {duplicates.units:,} units"
        show_note(f"compared by meaning, for which only {ready} are ready so far", err)
    if duplicates.total > len(duplicates.clusters):
        show_note(f"{len(duplicates.clusters):,} of {duplicates.total:,} clusters; -k N shows more", err)


def _show_plain(duplicates: Duplicates, view: View, out: TextIO) -> None:
    """Write the headline, then `path:line: name  (facts)` for each unit; a blank line between clusters."""
    for rank, cluster in enumerate(duplicates.clusters):
        block = "\n".join(_plain_cluster(cluster, duplicates.root, view))
        write(out, ("\n" if rank else "") + block + "\n")


def _plain_cluster(cluster: Cluster, root: str, view: View) -> Iterator[str]:
    yield headline(cluster)
    for hit in cluster.hits:
        details = ", ".join(facts(hit, hit is cluster.hits[0]))
        yield f"{_position(hit, root, view)}: {visible(hit.qualified_name)}  ({details})"


def _show_vimgrep(duplicates: Duplicates, view: View, out: TextIO) -> None:
    """`path:line:column:cluster name  (facts)`, one line a unit, so that an editor can go through them."""
    for rank, cluster in enumerate(duplicates.clusters, 1):
        for hit in cluster.hits:
            details = ", ".join(facts(hit, hit is cluster.hits[0]))
            text = f"[{rank}] {visible(hit.qualified_name)}  ({details})"
            write(out, f"{_position(hit, duplicates.root, view)}:1:{text}\n")


def _position(hit: Hit, root: str, view: View) -> str:
    return f"{visible(shown_path(hit.path, root, view))}:{hit.start_line}"
