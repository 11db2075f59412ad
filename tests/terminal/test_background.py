"""`codesift index --quick`, `--detach` and `--stop`, and `--budget`, through the installed command."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import Run
from repositories import failed, worked, write

MANY = {
    f"m{number}.py": "".join(
        f"def step_{number}_{part}(value):\n    total = value + {part}\n    return [total] * {number}\n\n\n"
        for part in range(20)
    )
    for number in range(60)
}
"""More than can be embedded while a test looks."""


def status(codesift: Run, root: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(worked(codesift("status", "--root", root, "--json")))
    return found


def eventually(codesift: Run, root: Path, **expected: object) -> dict[str, Any]:
    for _ in range(150):
        found = status(codesift, root)
        if all(found[key] == value for key, value in expected.items()):
            return found
        time.sleep(0.2)
    raise AssertionError(found)


def test_quick_makes_everything_searchable_and_encodes_nothing(codesift: Run, tmp_path: Path) -> None:
    root = write(tmp_path / "shop")
    done = codesift("index", "--quick", root)
    assert "vectors  0 of" in worked(done)
    found = status(codesift, root)
    assert found["vectors_ready"] == 0 and found["drafts"] and not found["embedding"]
    answer = json.loads(worked(codesift("query", "price", "--budget", "0", "--json", "--root", root)))
    assert answer["results"] and answer["index"]["vectors_ready"] == 0


def test_a_budget_of_a_second_is_spent_on_the_best_results(codesift: Run, tmp_path: Path) -> None:
    root = write(tmp_path / "shop")
    answer = json.loads(worked(codesift("query", "price", "--budget", "1", "--json", "--root", root)))
    assert answer["index"]["vectors_ready"] > 0
    failed(codesift("query", "price", "--budget", "-1", "--root", root), "budget")


def test_only_one_way_to_go_on_can_be_given(codesift: Run, tmp_path: Path) -> None:
    failed(codesift("index", "--quick", "--detach", tmp_path), "--quick, --detach, --stop")


def test_stopping_what_does_not_run_says_so(codesift: Run, tmp_path: Path) -> None:
    root = write(tmp_path / "shop")
    worked(codesift("index", "--quick", root))
    done = codesift("index", "--stop", root)
    assert (done.returncode, done.stderr) == (0, "codesift: nothing runs in the background\n")


def test_a_detached_process_goes_on_is_alone_and_can_be_stopped(codesift: Run, tmp_path: Path) -> None:
    root = write(tmp_path / "many", MANY)
    done = codesift("index", "--detach", root)
    assert "in the background" in done.stderr and worked(done)
    eventually(codesift, root, embedding=True)
    assert "already" in codesift("index", "--detach", root).stderr
    # A search neither waits for it nor is kept from writing.
    answer = json.loads(worked(codesift("query", "step_3_4", "--json", "--root", root)))
    assert answer["results"][0]["name"] == "step_3_4"
    write(root, {"new.py": "def brand_new_thing():\n    return 'just written'\n"})
    answer = json.loads(worked(codesift("query", "brand_new_thing", "--json", "--root", root)))
    assert answer["results"][0]["name"] == "brand_new_thing"
    assert codesift("index", "--stop", root).stderr == "codesift: stopped\n"
    found = status(codesift, root)
    assert not found["embedding"] and 0 < found["vectors_ready"] < found["units"]


@pytest.mark.slow
def test_a_detached_process_ends_when_all_is_done(codesift: Run, tmp_path: Path) -> None:
    root = write(tmp_path / "shop")
    worked(codesift("index", "--detach", root))
    found = eventually(codesift, root, embedding=False)
    found = eventually(codesift, root, vectors_ready=found["units"])


@pytest.mark.slow
def test_a_detached_process_whose_repository_is_deleted_ends(codesift: Run, tmp_path: Path) -> None:
    root = write(tmp_path / "many", MANY)
    worked(codesift("index", "--detach", root))
    eventually(codesift, root, embedding=True)
    shutil.rmtree(root)
    root.mkdir()
    eventually(codesift, root, embedding=False)


def test_a_detached_process_that_is_killed_loses_nothing_that_was_stored(
    codesift: Run, tmp_path: Path
) -> None:
    root = write(tmp_path / "many", MANY)
    worked(codesift("index", "--detach", root))
    for _ in range(150):
        if status(codesift, root)["vectors_ready"]:
            break
        time.sleep(0.2)
    subprocess.run(["pkill", "-9", "-f", f"index {root} --quiet"], check=True)
    found = eventually(codesift, root, embedding=False)
    assert 0 < found["vectors_ready"] < found["units"]
    answer = json.loads(worked(codesift("query", "step_3_4", "--json", "--root", root)))
    assert answer["results"][0]["name"] == "step_3_4"
    assert answer["index"]["vectors_ready"] >= found["vectors_ready"]
