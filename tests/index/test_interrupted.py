"""Indexing that is stopped, killed or done twice at once ends with the index of an undisturbed run."""

from __future__ import annotations

import json
import random
import signal
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from indexes import index_of, lend
from repositories import Done, finished, rows, same_index, start, worked, write

Run = Callable[..., Done[str]]

FOLDERS, FILES, FUNCTIONS = 10, 11, 20
UNITS = FOLDERS * FILES * FUNCTIONS
"""Enough for two transactions of units and three of windows."""
QUESTIONS = ("step 3 4", "return value plus 170")


def _source(file: int) -> str:
    signs = "+-*/"
    return "\n\n".join(
        f"def step_{file}_{i}(value):\n    return value {signs[i % 4]} {file * FUNCTIONS + i}"
        for i in range(FUNCTIONS)
    )


def _write_many(root: Path) -> Path:
    """Two thousand functions. Each text stands in every folder, so that few have to be embedded."""
    return write(root, {f"d{d}/m{f}.py": _source(f) for d in range(FOLDERS) for f in range(FILES)})


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The index of a run nobody disturbed. It is lent to a test when it is compared, not sooner: else its
    vectors would be found, and nothing would have to be embedded."""
    root = _write_many(tmp_path_factory.mktemp("clean"))
    worked(finished(start("index", root)))
    return root


def _count(root: Path, table: str) -> int:
    found = rows(root, f"SELECT count(*) FROM {table}")
    return int(found[0][0]) if found else 0


def _created(root: Path) -> bool:
    return bool(rows(root, "SELECT count(*) FROM files"))


def _parsing(root: Path) -> bool:
    return 0 < _count(root, "units") < UNITS


def _embedding(root: Path) -> bool:
    return 0 < _count(root, "windows") < UNITS


def _linking(root: Path) -> bool:
    return _count(root, "windows") == UNITS and not list(index_of(root).glob("*.json"))


def _stop_at(root: Path, reached: Callable[[Path], bool], sign: signal.Signals) -> Done[str] | None:
    """Index until the index shows that some point is reached, then stop; None if that was missed."""
    process = start("index", root)
    while process.poll() is None:
        if reached(root):
            # Held first: what is seen after that is where it really stops.
            process.send_signal(signal.SIGSTOP)
            caught = reached(root) and process.poll() is None
            process.send_signal(sign)
            process.send_signal(signal.SIGCONT)
            done = finished(process)
            return done if caught and done.returncode else None
        time.sleep(0.001)
    worked(finished(process))
    return None


def _stop_surely(root: Path, reached: Callable[[Path], bool], sign: signal.Signals) -> Done[str]:
    for _ in range(5):
        done = _stop_at(root, reached, sign)
        if done is not None:
            return done
        if reached is _linking:
            for path in index_of(root).glob("*.json"):
                path.unlink()
        else:
            worked(finished(start("clean", "--root", root)))
    pytest.fail(f"indexing was never caught at {reached.__name__}")


def _ends_like(root: Path, clean: Path) -> None:
    worked(finished(start("index", root)))
    same_index(root, clean)
    assert [_answers(root, text) for text in QUESTIONS] == [_answers(clean, text) for text in QUESTIONS]


@cache
def _answers(root: Path, text: str) -> list[tuple[Any, ...]]:
    results = json.loads(worked(finished(start("query", text, "--root", lend(root), "--json", "-k", "20"))))[
        "results"
    ]
    return [(hit["path"], hit["start_line"], round(hit["score"], 3)) for hit in results]


def _slow(point: Callable[[Path], bool]) -> Any:
    return pytest.param(point, marks=pytest.mark.slow)


@pytest.mark.parametrize("point", [_slow(_created), _slow(_parsing), _embedding, _slow(_linking)])
def test_a_killed_run_is_made_good_by_the_next(
    tmp_path: Path, clean: Path, point: Callable[[Path], bool]
) -> None:
    root = _write_many(tmp_path)
    assert _stop_surely(root, point, signal.SIGKILL).returncode == -signal.SIGKILL
    _ends_like(root, clean)


@pytest.mark.slow
def test_runs_killed_at_any_moment_are_made_good(tmp_path: Path, clean: Path) -> None:
    root = _write_many(tmp_path)
    chance = random.Random(7)
    for _ in range(6):
        process = start("index", root)
        with_delay = time.monotonic() + chance.uniform(0.1, 2)
        while process.poll() is None and time.monotonic() < with_delay:
            time.sleep(0.005)
        process.kill()
        finished(process)
    _ends_like(root, clean)


@pytest.mark.parametrize("point", [_parsing, _slow(_embedding)])
def test_control_c_says_so_and_keeps_what_was_done(
    tmp_path: Path, clean: Path, point: Callable[[Path], bool]
) -> None:
    root = _write_many(tmp_path)
    done = _stop_surely(root, point, signal.SIGINT)
    assert (done.returncode, done.stdout) == (130, "")
    last = done.stderr.splitlines()[-1]
    assert last.startswith("codesift: interrupted; ")
    assert last.endswith("is kept" if point is _parsing else "the next run continues there")
    _ends_like(root, clean)


@pytest.mark.slow
def test_a_query_that_is_killed_while_it_refreshes_loses_nothing(tmp_path: Path, clean: Path) -> None:
    root = _write_many(tmp_path)
    process = start("query", "value", "--root", root)
    while process.poll() is None and not _count(root, "units"):
        time.sleep(0.001)
    process.kill()
    finished(process)
    _ends_like(root, clean)


def test_two_runs_at_once_wait_for_each_other(tmp_path: Path, clean: Path) -> None:
    root = _write_many(tmp_path)
    first = start("index", root)
    while not rows(root, "SELECT 1 FROM meta WHERE key = 'parser'"):
        assert first.poll() is None
        time.sleep(0.001)
    first.send_signal(signal.SIGSTOP)
    second = start("index", root)
    assert second.stderr is not None
    assert second.stderr.readline() == (
        "codesift: another codesift is indexing this repository: waiting for it\n"
    )
    answer = finished(start("query", "step_3_4", "--root", root, "--json"))
    assert json.loads(worked(answer))["results"][0]["name"] == "step_3_4"
    assert "searching what is ready" in answer.stderr
    assert second.poll() is None
    first.send_signal(signal.SIGCONT)
    worked(finished(first))
    worked(finished(second))
    same_index(root, clean)


@pytest.mark.slow
def test_many_first_uses_at_once_all_end_well(tmp_path: Path) -> None:
    root = write(tmp_path)
    verbs: list[list[str | Path]] = [["index", root], ["query", "price", "--root", root]]
    running = [start(*verbs[i % 2]) for i in range(6)]
    for process in running:
        # A query waits until there is something to search.
        worked(finished(process))


@pytest.mark.slow
def test_an_index_cleaned_away_while_others_wait_for_it_is_no_bug(tmp_path: Path, clean: Path) -> None:
    root = _write_many(tmp_path)
    running = [start("index", root), start("clean", "--root", root), start("index", root)]
    for process in running:
        done = finished(process)
        assert done.returncode in (0, 2) and "Traceback" not in done.stderr, done
    _ends_like(root, clean)
