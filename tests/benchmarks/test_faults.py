"""The attacks of `python -m benchmarks faults`, a few trials of each, and what counts as held."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.faults import ATTACKS
from benchmarks.faults.report import AttackResult, as_markdown
from benchmarks.faults.trials import Ended, Trial, fault, same_results
from evaluation.machine import describe_machine

SHORT = 0.005
"""Ten flips, three trials of most attacks."""
LONGER = 0.05
LATER = "other results without a word, noticed and healed by `status --check`"
"""What a flipped bit may do at worst: one in a thousand does."""
CHECKOUT = Path(__file__).parents[2]


def attacked(out: Path, name: str, scale: float, seed: int) -> dict[str, Any]:
    """What the benchmark writes about one attack, once its exit code is seen to fit."""
    options = ["--only", name, "--scale", str(scale), "--seed", str(seed), "--out", str(out)]
    command = [sys.executable, "-m", "benchmarks", "faults", *options]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=1800)
    assert done.returncode in (0, 1), done.stderr
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    assert [each["name"] for each in found["attacks"]] == [name]
    trials = [trial for trial in found["trials"] if trial["attack"] == name]
    assert trials and done.returncode == int(not all(trial["held"] for trial in trials))
    assert out.with_suffix(".md").read_text(encoding="utf-8") == done.stdout
    return found


def not_held(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [trial for trial in found["trials"] if not trial["held"] and trial["what"] != LATER]


@pytest.mark.parametrize("name", ATTACKS)
def test_a_few_trials_of_each_attack_are_held(tmp_path: Path, name: str) -> None:
    found = attacked(tmp_path / "faults.json", name, SHORT, seed=1)
    assert not not_held(found)


@pytest.mark.slow
@pytest.mark.parametrize("name", ATTACKS)
def test_many_trials_of_each_attack_are_held(tmp_path: Path, name: str) -> None:
    found = attacked(tmp_path / "faults.json", name, LONGER, seed=2)
    assert not not_held(found)


def test_an_unknown_attack_is_said() -> None:
    command = [sys.executable, "-m", "benchmarks", "faults", "--only", "kills,floods"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "no attack 'floods'" in done.stderr


# -- what counts as held --------------------------------------------------------------------------


def ended(code: int = 0, out: str = "", err: str = "", peak_mb: float = 50, stopped: str = "") -> Ended:
    return Ended(code, out, err, 0.1, peak_mb, stopped)


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        (ended(), ""),
        (ended(1), ""),
        (ended(2, err="codesift: no such file\n"), ""),
        (ended(2, err="codesift: which one\n  a\n  b\n"), ""),
        (ended(2), "exit code 2 without one clear line"),
        (ended(2, "half a result", "codesift: no such file\n"), "exit code 2 without one clear line"),
        (ended(2, err="Killed\n"), "exit code 2 without one clear line"),
        (ended(3, err="codesift: this is a bug\n"), "exit code 3, a bug"),
        (ended(70), "exit code 70"),
        (ended(-11), "ended by SIGSEGV"),
        (ended(-9, stopped="does not end"), "does not end"),
        (ended(err="Traceback (most recent call last):\n"), "a traceback on stderr"),
        (ended(peak_mb=2000), "memory above 1024 MB"),
        (ended(out="\x1b[31m"), "control characters in the output"),
    ],
)
def test_how_a_command_may_not_end(how: Ended, kind: str) -> None:
    assert fault(how) == kind


def test_results_are_the_same_up_to_the_last_digits_of_their_scores() -> None:
    def output(score: str) -> Ended:
        place = '"path": "a.py", "start_line": 1, "end_line": 2, "qualified_name": "f"'
        return ended(out=f'{{"results": [{{{place}, "score": {score}}}]}}')

    expected = output("0.5").results()
    assert expected == [("a.py", 1, 2, "f", 0.5)]
    assert same_results(output("0.5001"), expected)
    assert not same_results(output("0.6"), expected)
    assert not same_results(output("NaN"), expected)
    assert not same_results(ended(), expected)


def test_the_table_counts_outcomes_by_kind_with_an_example() -> None:
    trials = [
        Trial("first", True, "the result"),
        Trial("second", False, "ended by SIGSEGV", "line | one\x1b", 2.0),
        Trial("third", False, "ended by SIGSEGV", "", 1.0),
    ]
    text = as_markdown(
        [AttackResult("flips", "bits", trials, 9.0)], describe_machine(), "python -m benchmarks faults"
    )
    assert "| flips | bits | 3 | 1 | 2 | 2.0 s |" in text
    assert "| flips | ended by SIGSEGV | 2 | second: line / one? |" in text
    assert "`python -m benchmarks faults`" in text
    held = as_markdown([AttackResult("flips", "bits", trials[:1], 9.0)], describe_machine(), "")
    assert "Nothing." in held
