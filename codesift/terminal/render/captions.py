"""What is written beside a cluster and its units, in every mode that people read."""

from __future__ import annotations

from codesift.terminal.render.text import same_tokens, score_text, visible
from codesift.types import Cluster, Hit


def headline(cluster: Cluster) -> str:
    """Format the headline of a cluster: `3 alike, 66 lines to save`."""
    return f"{len(cluster.hits)} alike, {cluster.saved_lines():,} lines to save"


def facts(hit: Hit, first: bool) -> list[str]:
    """List the facts about a unit: its length and, except for the first one, its likeness to the first."""
    details = [visible(hit.kind), f"{hit.lines():,} lines"]
    return (
        details
        if first
        else [*details, same_tokens(hit.common_tokens or 0.0), f"cosine {score_text(hit.score)}"]
    )
