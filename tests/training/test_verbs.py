"""What all verbs of training have in common: their help, one line for bad input, and `all`."""

from __future__ import annotations

import argparse
import importlib
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from evaluation.records import LANGUAGES
from training.__main__ import VERBS, WITHOUT_WORK_FOLDER, main

ROOT = Path(__file__).parents[2]


def python(*arguments: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run Python as a user does, in the checkout; it must succeed."""
    words, env = [sys.executable, *map(str, arguments)], {**os.environ, **more}
    done = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.parametrize(
    "verb", [["fetch"], ["mine"], ["train", "--name=x"], ["evaluate"], ["all", "--dry-run"]], ids=" ".join
)
def test_an_unknown_language_is_one_line(
    verb: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main([*verb, "--work", str(tmp_path / "work"), "--languages", "python,cobol"]) == 1
    (said,) = capsys.readouterr().err.strip().splitlines()
    assert said.startswith("error: ") and "cobol" in said and all(name in said for name in LANGUAGES)
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize(
    "verb",
    [
        ["mine"],
        ["train", "--name=x"],
        ["compose", "--name=x", "--code=x"],
        ["evaluate", "--tasks=packages", "--languages=python"],
        ["export", "--system=nowhere"],
        ["report", "--results=nowhere"],
    ],
    ids=" ".join,
)
def test_a_missing_folder_is_named_in_the_last_line(
    verb: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main([*verb, "--work", str(tmp_path / "nowhere")]) == 1
    said = capsys.readouterr().err.strip().splitlines()
    assert said[-1].startswith("error: ") and any("nowhere" in line for line in said)
    assert not (tmp_path / "nowhere").exists()


def test_a_dry_run_says_every_step_in_order(tmp_path: Path) -> None:
    places: list[str | Path] = ["--work", tmp_path / "w", "--eval", "data", "--results", tmp_path / "r"]
    said = python("-m", "training", "all", "--dry-run", "--languages=python,go", *places)
    commands = [shlex.split(line) for line in said.stdout.splitlines()]
    assert all(command[:3] == ["python", "-m", "training"] for command in commands)
    order = "fetch mine train train train compose compose evaluate export report"
    assert [command[3] for command in commands] == order.split()
    parsed = [_parsed(command[3], command[4:]) for command in commands]
    assert [each.name for each in parsed[2:7]] == ["combined", "python", "go", "combined", "language-wise"]
    assert all(each.text == parsed[2].work / "runs/combined/adapter.safetensors" for each in parsed[3:5])
    assert parsed[1].exclude == Path("data")
    assert [path.name for path in parsed[8].figures] == [f"{parsed[7].name}.json"]
    assert not any(tmp_path.iterdir())


def _parsed(verb: str, arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(exit_on_error=False)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--seed", type=int)
    importlib.import_module(f"training.{verb}").add_arguments(parser)
    return parser.parse_args(arguments)


HELP = """
import sys
from training.__main__ import main
try:
    main(sys.argv[1:])
finally:
    sys.stderr.write("LOADED " + " ".join({name.partition(".")[0] for name in sys.modules}))
"""
HEAVY = {"torch", "transformers", "peft", "sentence_transformers", "datasets", "accelerate", "scipy"}
HEAVY |= {"openvino", "matplotlib", "bm25s", "rensa", "tokenizers", "safetensors", "hnswlib", "tree_sitter"}


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_help_is_complete_and_loads_nothing_heavy(verb: str) -> None:
    done = python("-c", HELP, *filter(None, [verb]), "--help", COLUMNS="200")
    shown = " ".join(done.stdout.split())
    expected = [VERBS[verb]] if verb else [f"{name} {VERBS[name]}" for name in VERBS]
    assert all(each in shown for each in expected)
    assert all(
        (option in shown) is (verb in VERBS.keys() - WITHOUT_WORK_FOLDER) for option in ("--work", "--seed")
    )
    assert not HEAVY & set(done.stderr.rpartition("LOADED ")[2].split())
