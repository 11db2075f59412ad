"""The warm query benchmark, and the index made larger for it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from fakes import HashingEncoder, no_progress, opened, run_index, write

from benchmarks.enlarge import enlarged
from benchmarks.processes import Failed
from codesift.config import Settings

ROOT = Path(__file__).parents[2]


def test_an_enlarged_index_holds_every_unit_as_often_with_vectors_of_its_own(tmp_path: Path) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    for number in range(3):
        write(small, f"f{number}.py", f"def tide_{number}(level):\n    return level + {number}\n")
    run_index(small, HashingEncoder())
    settings = Settings()
    with opened(small) as index:
        enlarged(index, large, 2, settings, no_progress)
        enlarged(index, large, 3, settings, no_progress)
    with opened(small) as before, opened(large) as after:
        assert after.catalog.counts() == tuple(3 * count for count in before.catalog.counts())
        vectors = after.primary.vectors
        assert vectors.ready() == 3 * before.primary.vectors.ready()
        assert after.full_text.frequencies(["tide"])["tide"] == 9
        (unit,) = [hit for hit in after.catalog.units_of("copy2/f1.py") if hit.name == "tide_1"]
        (original,) = [hit for hit in before.catalog.units_of("f1.py") if hit.name == "tide_1"]
        own, first = vectors.of_unit(unit.unit_id)[0], before.primary.vectors.of_unit(original.unit_id)[0]
        assert own @ own == pytest.approx(1, abs=0.01)
        assert 0.7 < own @ first < 0.99
        ((nearest, _),) = after.primary.neighbors.search(own, 1)
        assert [match.unit_id for match in vectors.matches([nearest])[nearest]] == [unit.unit_id]


def test_an_index_that_was_not_made_here_is_left_alone(tmp_path: Path) -> None:
    write(tmp_path, "a.py", "def tide(level):\n    return level\n")
    run_index(tmp_path, HashingEncoder())
    with opened(tmp_path) as index, pytest.raises(Failed, match="not empty"):
        enlarged(index, tmp_path, 2, Settings(), no_progress)
    with opened(tmp_path) as index:
        assert index.catalog.counts() == (1, 1)


@pytest.mark.slow
def test_the_command_prints_what_ranking_costs(own_harbour: Path, tmp_path: Path) -> None:
    arguments = [
        "--root",
        own_harbour,
        "--questions",
        "5",
        "--times",
        "2",
        "--work",
        tmp_path / "large",
    ]
    command = [sys.executable, "-m", "benchmarks", "warm", *map(str, arguments)]
    printed = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    ).stdout
    rows = [line.split("|") for line in printed.splitlines() if line.startswith("|")]
    with opened(own_harbour) as index:
        units = index.catalog.counts()[1]
    assert [cell.strip() for cell in rows[0][1:3]] == ["units", "questions"]
    assert json.loads(rows[2][1].replace(",", "")) == 2 * units
