"""The process that a peer runs in, with its own packages: questions in, results out, one JSON a line.

    PYTHON worker.py ADAPTOR.py REPOSITORY

Runs outside this project's environment, so nothing of the project is imported here. ADAPTOR.py has a class
`Search(repository)` that builds the index, and in it `ask(query, limit)` and, where the peer can,
`alike(path, first, last, limit)`; both return (path, first line, last line, score) rows, best first.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import time
from collections.abc import Iterator
from typing import Any


def main(adaptor: str, repository: str) -> None:
    """Serve until stdin ends. What a peer prints goes to stderr."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for reply in _replies(adaptor, repository):
        out.write(json.dumps(reply) + "\n")
        out.flush()


def _replies(adaptor: str, repository: str) -> Iterator[dict[str, Any]]:
    module = _load(adaptor)
    started = time.perf_counter()
    search = module.Search(repository)
    yield {"seconds": time.perf_counter() - started, "alike": hasattr(search, "alike")}
    for line in sys.stdin:
        call = json.loads(line)
        started = time.perf_counter()
        rows = getattr(search, call["verb"])(*call["arguments"])
        seconds = time.perf_counter() - started
        yield {"seconds": seconds, "rows": [[str(path), int(a), int(b), float(s)] for path, a, b, s in rows]}


def _load(path: str) -> Any:
    """A module by its file, as its folder must not be on the path: names there are those of packages."""
    spec = importlib.util.spec_from_file_location("adaptor", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    sys.path.pop(0)
    main(*sys.argv[1:])
