"""`training commits`: subjects of commits with the functions that they changed."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from evaluation.files import read_rows
from training.__main__ import main
from training.commits import CLONES
from training.mining.commits import changes, changes_in, subject_of
from training.mining.splits import Exclusions, code_digest

FIRST = """def load(path):
    return open(path).read()


def store(path, text):
    open(path, "w").write(text)


def remove(path):
    raise NotImplementedError
"""


@pytest.mark.parametrize(
    ("line", "subject"),
    [
        ("fix(http): do not reuse a closed connection (#412)", "do not reuse a closed connection"),
        ("[cli] Tell which file cannot be read. Fixes #7", "Tell which file cannot be read"),
        ("PROJ-12: keep the order of headers", "keep the order of headers"),
        ("Merge pull request #3 from a/b into the main branch", ""),
        ("docs: say how to install the package", ""),
        ("Bump the version of a package to 2.0", ""),
        ("Fix typo in the name of a variable", ""),
        ("Refactor the parser of command lines", ""),
        ("fix crash", ""),
    ],
)
def test_a_subject_says_what_somebody_wanted(line: str, subject: str) -> None:
    assert subject_of(line) == subject


def git(folder: Path, *arguments: str) -> None:
    name = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", folder, *name, *arguments], check=True, capture_output=True)


@pytest.fixture
def clones(tmp_path: Path) -> Path:
    """A folder with one clone, in which three commits follow the first."""
    clone = tmp_path / "clones" / "owner+files"
    clone.mkdir(parents=True)
    git(clone, "init", "-q")
    versions = [
        ("start with three functions for files", FIRST),
        ("Close files after they were read", FIRST.replace("return open(path).read()", "return read(path)")),
        ("update", FIRST.replace("raise NotImplementedError", "unlink(path)")),
        ("Change everything at the same time", FIRST.replace("(path", "(place")),
    ]
    for subject, text in versions:
        (clone / "files.py").write_text(text)
        (clone / "test_files.py").write_text(text)
        git(clone, "add", "-A")
        git(clone, "commit", "-qm", subject)
    return clone.parent


def test_a_subject_is_kept_with_the_function_as_it_was_before(clones: Path) -> None:
    found = {
        change.subject: change for change in changes(clones / "owner+files" / ".git", "files", Exclusions())
    }
    change = found["Close files after they were read"]
    assert change.function == "files.py load" and change.language == "python"
    assert "return open(path).read()" in change.texts[0]
    assert {text.split()[1] for text in change.texts[1:]} == {"store", "remove"}
    # One says nothing, the first had nothing before it; that of three functions is still taken.
    assert found.keys() == {"Close files after they were read", "Change everything at the same time"}


def test_what_evaluation_uses_is_left_out(clones: Path) -> None:
    excluded = Exclusions(frozenset([code_digest("def load(path):\n    return open(path).read()")]))
    found = list(changes(clones / "owner+files" / ".git", "files", excluded))
    assert "files.py load" not in {change.function for change in found if change.subject.startswith("Close")}


def test_the_verb_reads_the_clones_of_its_list(clones: Path, tmp_path: Path) -> None:
    listed = tmp_path / "list.json"
    rows = [{"name": name, "license": "MIT", "commit": ""} for name in ("owner/files", "owner/missing")]
    listed.write_text(json.dumps({"repositories": rows}))
    work = tmp_path / "work"
    assert main(["commits", "--work", str(work), "--clones", str(clones), "--list", str(listed)]) == 0
    assert list(read_rows(work / "commits" / "owner+files.jsonl.gz"))
    assert list(changes_in(work, "train", 0)) or list(changes_in(work, "dev", 0))
    assert main(["commits", "--work", str(work), "--clones", str(tmp_path), "--list", str(listed)]) == 1


def test_every_listed_clone_has_a_licence_and_a_commit() -> None:
    rows = json.loads(CLONES.read_text())["repositories"]
    assert len(rows) > 50 and all(row["license"] and len(row["commit"]) == 40 for row in rows)
