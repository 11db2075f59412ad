"""What a result says of the machine and the commit it is from."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from evaluation import machine
from evaluation.machine import commit, describe_machine, machine_in_words, machine_summary


def test_the_summary_is_the_kind_of_the_described_machine() -> None:
    found = describe_machine()
    assert machine_summary().startswith(f"{found['cores']} cores, {found['cpu']}, ")
    assert found["commit"] == (commit() or "unknown")


def test_a_plus_marks_a_checkout_whose_tracked_files_differ(
    tmp_path: Path, git: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "__file__", str(tmp_path / "machine.py"))
    assert commit() == ""
    (tmp_path / "a.py").write_text("1")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "a.py")
    git(tmp_path, "commit", "-qm", "first")
    head = subprocess.check_output(["git", "-C", tmp_path, "rev-parse", "--short", "HEAD"], text=True).strip()
    (tmp_path / "result.json").write_text("not tracked")
    assert commit() == head
    (tmp_path / "a.py").write_text("2")
    assert commit() == f"{head}+"


def test_the_machine_is_described_without_host_user_or_folder() -> None:
    text = json.dumps(describe_machine()) + machine_in_words(describe_machine())
    assert str(Path.home()) not in text
    assert platform.node() not in ("", "localhost") and platform.node() not in text
