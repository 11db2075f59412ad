"""CodeSearchNet (Husain et al. 2019), where a user has its files: documentation -> function."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from codesift.models.template import unit_text
from codesift.types import Unit
from evaluation.files import read_rows
from evaluation.tasks.groups import TEXT, Group, Missing, Pool, Snippet, Task, Wanted, reading

BATCH = 1000
"""The challenge ranks each function among 999 others."""
_PARTITIONS = {"dev": "valid", "test": "test"}

SnippetPair = tuple[Snippet, Snippet]
"""(question, function)"""


def load(wanted: Wanted) -> Iterator[Task]:
    """Each language twice: in batches of 1,000, as in its challenge, and all of it as one corpus.

    Raises:
        Missing: there is no such folder, or nothing in it.
    """
    if wanted.csn is None:
        raise Missing("no CodeSearchNet files", "give --csn FOLDER")
    languages = read(wanted.csn, _PARTITIONS[wanted.partition])
    chosen = {name: pairs for name, pairs in sorted(languages.items()) if wanted.wants(name)}
    if not chosen:
        raise Missing(f"no rows of CodeSearchNet in {wanted.csn}", "expected files *.jsonl or *.jsonl.gz")
    batches = [Group(name, tuple(_batches(pairs, wanted.seed))) for name, pairs in chosen.items()]
    full = [Group(name, (_pool(pairs),)) for name, pairs in chosen.items()]
    yield Task("csn-1000", f"documentation -> function among {BATCH}", tuple(g for g in batches if g.pools))
    yield Task("csn", "documentation -> function among all of its language", tuple(full))


def read(folder: Path, partition: str) -> dict[str, list[SnippetPair]]:
    """Language -> its pairs, from all files of CodeSearchNet's rows below a folder."""
    found: dict[str, list[SnippetPair]] = defaultdict(list)
    for path in sorted(path for suffix in ("jsonl", "jsonl.gz") for path in folder.rglob(f"*.{suffix}")):
        with reading(path):
            for row in read_rows(path):
                if "code" in row and "docstring" in row and _partition(row, path) == partition:
                    found[row["language"]].append((_question(row), _function(row)))
    return found


def _partition(row: Mapping[str, Any], path: Path) -> str:
    """A row's partition; files that were cut from the set do not always say it, but their names do."""
    named = next((name for name in ("train", "valid", "test") if name in path.name), "")
    return str(row.get("partition") or named)


def _question(row: Mapping[str, Any]) -> Snippet:
    tokens = row.get("docstring_tokens")
    return Snippet("", " ".join(tokens) if tokens else row["docstring"].split("\n\n")[0], TEXT)


def _function(row: Mapping[str, Any]) -> Snippet:
    """Through the tool's template; of the set's languages only Python has documentation inside the code."""
    from evaluation.tasks.cosqa import strip_documentation

    python = row["language"] == "python"
    code = strip_documentation(row["code"]) if python else row["code"]
    name = row.get("func_name", "")
    unit = Unit("function", name, name, 1, 1 + code.count("\n"), 0, 0, "", "", code)
    return Snippet(*unit_text(row.get("path", ""), unit), row["language"])


def _batches(pairs: Sequence[SnippetPair], seed: int) -> Iterator[Pool]:
    """Full batches of pairs drawn at random; what is left over is not asked, as in the challenge."""
    drawn = random.Random(seed).sample(pairs, len(pairs))
    for start in range(0, len(drawn) - BATCH + 1, BATCH):
        yield _pool(drawn[start : start + BATCH])


def _pool(pairs: Sequence[SnippetPair]) -> Pool:
    questions, functions = zip(*pairs, strict=True)
    return Pool(questions, functions, tuple((row,) for row in range(len(pairs))))
