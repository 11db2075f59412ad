"""Git repositories in unusual states, and what git does to an index."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from repositories import SHOP_UNITS, Done, embedded, units, worked, write

Run = Callable[..., Done[str]]
Git = Callable[..., None]


def test_a_repository_without_commits_and_a_bare_one(codesift: Run, git: Git, tmp_path: Path) -> None:
    git(write(tmp_path / "young"), "init")
    assert units(codesift("index", tmp_path / "young")) == SHOP_UNITS
    subprocess.run(["git", "init", "--bare", tmp_path / "bare"], check=True, capture_output=True)
    worked(codesift("index", tmp_path / "bare"))


def test_a_submodule_is_part_of_its_repository(codesift: Run, git: Git, tmp_path: Path) -> None:
    inner = write(tmp_path / "inner", {"needle.py": "def needle():\n    return 'hay'\n"})
    outer = write(tmp_path / "outer")
    for root in (inner, outer):
        git(root, "init")
        git(root, "add", ".")
        git(root, "commit", "-m", "all")
    git(outer, "-c", "protocol.file.allow=always", "submodule", "add", str(inner), "lib")
    assert "lib/needle.py" in worked(codesift("query", "needle", "--root", outer, "--plain"))


def test_moves_branches_and_worktrees_embed_nothing(codesift: Run, git: Git, tmp_path: Path) -> None:
    root = write(tmp_path / "main")
    git(root, "init", "-b", "main")
    git(root, "add", ".")
    git(root, "commit", "-m", "all")
    assert embedded(codesift("index", root)) == SHOP_UNITS
    git(root, "mv", "shop/cart.py", "web/cart.py")
    assert embedded(codesift("index", root)) == 0
    git(root, "commit", "-m", "moved")
    git(root, "checkout", "-b", "other", "HEAD~1")
    git(root, "rm", "-r", "web")
    assert embedded(codesift("index", root)) == 0
    git(root, "checkout", "-f", "main")
    done = codesift("index", root)
    assert (embedded(done), units(done)) == (0, SHOP_UNITS)
    git(root, "worktree", "add", str(tmp_path / "second"), "other")
    done = codesift("index", tmp_path / "second")
    assert (embedded(done), units(done)) == (0, SHOP_UNITS)
    # Nor does a damaged index of the first one harm the second.
    (root / ".codesift/index.db").write_bytes(b"SQLite format 3\0" + b"\x77" * 5000)
    write(tmp_path / "second", {"needle.py": "def needle():\n    return 'hay'\n"})
    assert embedded(codesift("index", tmp_path / "second")) == 1
