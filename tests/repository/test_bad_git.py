"""Git repositories in unusual states, and what git does to an index."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from indexes import index_of
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
    (index_of(root) / "index.db").write_bytes(b"SQLite format 3\0" + b"\x77" * 5000)
    write(tmp_path / "second", {"needle.py": "def needle():\n    return 'hay'\n"})
    assert embedded(codesift("index", tmp_path / "second")) == 1


def test_a_pipe_where_git_reads_or_a_work_tree_elsewhere_keeps_no_file_out(
    codesift: Run, git: Git, tmp_path: Path
) -> None:
    for number, name in enumerate((".gitignore", ".git/config", ".git/index", ".git/info/exclude")):
        root = write(tmp_path / str(number))
        git(root, "init")
        git(root, "add", ".")
        (root / name).unlink(missing_ok=True)
        os.mkfifo(root / name)
        assert units(codesift("index", root, timeout=60)) == SHOP_UNITS
    root = write(tmp_path / "elsewhere")
    git(root, "init")
    git(root, "config", "core.worktree", "/etc")
    assert units(codesift("index", root)) == SHOP_UNITS


def test_wrong_and_costly_patterns_are_one_line_or_no_trouble(codesift: Run, tmp_path: Path) -> None:
    root = write(tmp_path / "root", {"a" * 200 + ".py": "def needle():\n    return 'hay'\n"})
    write(root, {".codesiftignore": "*a*a*a*a*a*a*a*a*b\n[z-a]\n!!\n\\\n"})
    costly = ("--path", "*a*a*a*a*a*a*a*a*a*y", "--path", "!*a*a*a*a*a*a*a*a*b")
    assert "needle" in worked(codesift("query", "needle", "--root", root, "--plain", *costly))
    for pattern in ("[z-a]", "!!", "\\", "!", "[", "!\\", "!!x", "x" * 1001):
        done = codesift("query", "needle", "--root", root, "--path", pattern)
        assert done.returncode == 2 and not done.stdout
        assert done.stderr.count("\n") == 1 and "--path: the pattern" in done.stderr
    done = codesift("query", "needle", "--root", root, *("--path", "a*") * 101)
    assert done.returncode == 2 and "--path: at most 100 patterns, found 101" in done.stderr
