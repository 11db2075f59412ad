"""Stand-ins for the quality benchmark: questions on two made-up repositories, and a system to ask."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.quality.systems import Ranking, Result, Searcher, ranking
from evaluation.packages import Unavailable
from evaluation.repositories.questions import PARTS, questions

T = TypeVar("T")
PLACES: Mapping[str, tuple[str, int, int]] = {
    "cart": ("shop/cart.py", 1, 20),
    "files": ("shop/files.py", 1, 20),
    "other": ("shop/other.py", 1, 20),
}


def place(name: str) -> dict[str, Any]:
    path, first, last = PLACES[name]
    return {"path": path, "name": name, "start_line": first, "end_line": last}


def write_questions(data: Path) -> Path:
    """Two repositories, in each one question of every part; a question is the name of what answers it."""
    rows: dict[str, list[dict[str, Any]]] = {part: [] for part in PARTS}
    for repo, language in (("one", "python"), ("two", "go")):
        about = {"repo": repo, "language": language}
        files = {"relevant": [PLACES["cart"][0]], "secondary": [PLACES["files"][0]]}
        rows["queries"].append({**about, "category": "symbol", "query": "cart", **files})
        rows["text2fn"].append({**about, "style": "bug", "query": "files", "answers": [place("files")]})
        rows["fn2fn"].append({**about, "source": place("cart"), "answers": [place("files")]})
        rows["nothing"].append({"repo": repo, "query": "unheard of"})
    for part, some in rows.items():
        path = data / "repos" / f"{part}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in some), encoding="utf-8")
    return data


def asked(data: Path) -> dict[str, dict[str, list[Any]]]:
    return dict(questions(write_questions(data), PARTS))


class FakeSystem:
    """Knows the places by name; what it is asked is written down."""

    def __init__(self, name: str = "fake", order: Sequence[str] = ("cart", "files", "other")) -> None:
        self.name, self.version, self.about = name, "1", "a stand-in"
        self.order, self.can_alike, self.fails_on = order, True, ""
        self.calls: list[str] = []

    def on(self, repository: Path, work: Callable[[Searcher], T]) -> T:
        if repository.name == self.fails_on:
            raise Unavailable("no such package")
        return work(FakeSearcher(self))


class FakeSearcher:
    index_seconds = 2.0

    def __init__(self, system: FakeSystem) -> None:
        self._system = system

    def ask(self, query: str) -> Ranking:
        self._system.calls.append(query)
        names = sorted(self._system.order, key=lambda name: name != query) if query in PLACES else []
        return ranking([PLACES[name] for name in names], [1.0] * len(names), 0.25)

    def alike(self, source: Result) -> Ranking | None:
        if not self._system.can_alike:
            return None
        self._system.calls.append(source.path)
        return ranking([PLACES[name] for name in self._system.order], [1.0] * len(self._system.order), 0.5)

    def cold_seconds(self, query: str) -> float | None:
        return 0.75
