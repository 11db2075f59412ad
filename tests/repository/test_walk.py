"""Which files of a repository are listed, which are left out and why, and how their text is read."""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from codesift.config import Settings
from codesift.errors import UsageError
from codesift.repository.decoding import Unreadable, read_text
from codesift.repository.git import other_worktrees
from codesift.repository.rules import REASONS
from codesift.repository.walk import WalkResult, walk
from codesift.types import SourceFile

DEFAULT = Settings()


@pytest.fixture(autouse=True)
def own_git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the user's git configuration nor a repository around the temporary folder has a say."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)


def git(root: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "protocol.file.allow=always")
    subprocess.run(["git", *identity, "-C", str(root), *arguments], check=True, capture_output=True)


def fill(root: Path, *paths: str, text: str = "x = 1\n") -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return root


def repository(root: Path, *paths: str) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    git(root, "init", "-q")
    return fill(root, *paths)


def commit(root: Path) -> None:
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "all")


def paths(result: WalkResult) -> list[str]:
    return [file.path for file in result.files]


def skipped(result: WalkResult) -> dict[str, str]:
    assert all(skip.reason in REASONS for skip in result.skips)
    return {skip.path: skip.reason for skip in result.skips}


Making = Callable[..., Path]


@pytest.fixture(params=["git", "folders"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Making:
    """Makes a root with these files: once a git repository, once a folder that git knows nothing of."""

    def making(*names: str) -> Path:
        root = tmp_path / "root"
        root.mkdir()
        return repository(root, *names) if request.param == "git" else fill(root, *names)

    return making


# -- with git ---------------------------------------------------------------------------------------


def test_git_lists_tracked_and_new_files_and_leaves_out_ignored_ones(tmp_path: Path) -> None:
    root = repository(tmp_path, "b.py", "a.py", "log/x.py")
    fill(root, ".gitignore", text="log/\nforced.py\n")
    fill(root, "forced.py")
    git(root, "add", "-f", "b.py", "forced.py")
    result = walk(root, DEFAULT)
    assert result.by_git
    assert paths(result) == [".gitignore", "a.py", "b.py", "forced.py"]


def test_a_record_says_where_and_how_large_a_file_is(tmp_path: Path) -> None:
    root = repository(tmp_path, "src/a.py")
    (file,) = walk(root, DEFAULT).files
    info = (root / "src/a.py").stat()
    assert (file.path, file.language, file.size) == ("src/a.py", "python", info.st_size)
    assert (file.mtime_ns, file.ctime_ns) == (info.st_mtime_ns, info.st_ctime_ns)
    assert Path(file.absolute) == root / "src/a.py"


def test_a_folder_inside_a_repository_can_be_the_root(tmp_path: Path) -> None:
    root = repository(tmp_path, "lib/a.py", "lib/b.log", "other.py")
    fill(root, ".gitignore", text="*.log\n")
    result = walk(root / "lib", DEFAULT)
    assert result.by_git and paths(result) == ["a.py"]


def test_a_deleted_file_git_still_knows_is_not_listed(tmp_path: Path) -> None:
    root = repository(tmp_path, "a.py", "gone.py", "folder/gone.py")
    commit(root)
    (root / "gone.py").unlink()
    shutil.rmtree(root / "folder")
    fill(root, "folder")
    result = walk(root, DEFAULT)
    assert paths(result) == ["a.py", "folder"] and not result.skips


def test_a_file_in_conflict_is_listed_once(tmp_path: Path) -> None:
    root = repository(tmp_path, "a.py")
    commit(root)
    git(root, "checkout", "-q", "-b", "side")
    fill(root, "a.py", text="side\n")
    commit(root)
    git(root, "checkout", "-q", "-")
    fill(root, "a.py", text="main\n")
    commit(root)
    with pytest.raises(subprocess.CalledProcessError):
        git(root, "merge", "side")
    assert paths(walk(root, DEFAULT)) == ["a.py"]


def test_a_root_the_outer_repository_ignores_is_walked_by_folders(tmp_path: Path) -> None:
    outer = repository(tmp_path, "scratch/tool/a.py", "scratch/tool/b.log")
    fill(outer, ".gitignore", text="scratch/\n")
    fill(outer, "scratch/tool/.gitignore", text="*.log\n")
    result = walk(outer / "scratch/tool", DEFAULT)
    assert not result.by_git
    assert paths(result) == [".gitignore", "a.py"]


def test_without_git_the_ignore_files_still_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = repository(tmp_path, "a.py", "b.log")
    fill(root, ".gitignore", text="*.log\n")
    monkeypatch.setenv("PATH", "")
    result = walk(root, DEFAULT)
    assert not result.by_git
    assert paths(result) == [".gitignore", "a.py"]
    assert skipped(result) == {".git/": "tool", "b.log": "ignored"}


def test_a_git_that_lies_in_the_repository_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = repository(tmp_path, "a.py")
    fill(root, "git", text=f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    (root / "git").chmod(0o755)
    monkeypatch.chdir(root)
    monkeypatch.setenv("PATH", ".")
    walk(root, DEFAULT)
    assert not (tmp_path / "ran").exists()


def test_a_damaged_repository_is_walked_by_folders(tmp_path: Path) -> None:
    root = repository(tmp_path, "a.py")
    commit(root)
    (root / ".git/index").write_bytes(b"DIRC garbage")
    result = walk(root, DEFAULT)
    assert not result.by_git and paths(result) == ["a.py"]


def test_a_repository_cannot_have_its_programs_run(tmp_path: Path) -> None:
    root = repository(tmp_path / "root", "a.py")
    commit(root)
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n", encoding="utf-8")
    program.chmod(0o755)
    for key in ("core.fsmonitor", "core.pager", "pager.ls-files", "core.sshCommand", "core.editor"):
        git(root, "config", key, str(program))
    (root / ".git/hooks").mkdir(exist_ok=True)
    for hook in ("post-index-change", "fsmonitor-watchman", "reference-transaction"):
        shutil.copy(program, root / ".git/hooks" / hook)
    assert paths(walk(root, DEFAULT)) == ["a.py"]
    assert not (tmp_path / "ran").exists()


def test_variables_git_sets_inside_a_hook_do_not_lead_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = repository(tmp_path / "other", "other.py")
    root = repository(tmp_path / "root", "a.py")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    assert paths(walk(root, DEFAULT)) == ["a.py"]


def test_a_submodule_and_a_nested_repository_are_part_of_the_tree(tmp_path: Path) -> None:
    library = repository(tmp_path / "library", "src/lib.rs", "x.log")
    fill(library, ".gitignore", text="*.log\n")
    commit(library)
    root = repository(tmp_path / "root", "a.py")
    git(root, "submodule", "add", "-q", str(library), "sub")
    fill(root, "sub/new.rs", "sub/y.log")
    repository(root / "nested", "deep/b.go")
    found = paths(walk(root, DEFAULT))
    assert found == [
        ".gitmodules",
        "a.py",
        "nested/deep/b.go",
        "sub/.gitignore",
        "sub/new.rs",
        "sub/src/lib.rs",
    ]


def test_a_submodule_that_was_not_fetched_is_an_empty_folder(tmp_path: Path) -> None:
    library = repository(tmp_path / "library", "lib.rs")
    commit(library)
    first = repository(tmp_path / "first")
    git(first, "submodule", "add", "-q", str(library), "sub")
    commit(first)
    git(tmp_path, "clone", "-q", str(first), str(tmp_path / "second"))
    result = walk(tmp_path / "second", DEFAULT)
    assert paths(result) == [".gitmodules"] and not result.skips


def test_a_submodule_in_a_vendored_folder_is_left_out(tmp_path: Path) -> None:
    library = repository(tmp_path / "library", "lib.rs")
    commit(library)
    root = repository(tmp_path / "root")
    git(root, "submodule", "add", "-q", str(library), "third_party/library")
    assert skipped(walk(root, DEFAULT)) == {"third_party/library": "vendored"}


def test_another_work_tree_inside_the_root_is_a_copy_and_left_out(tmp_path: Path) -> None:
    root = repository(tmp_path, "a.py", "lib/b.py")
    commit(root)
    git(root, "worktree", "add", "-q", "trees/side")
    result = walk(root, DEFAULT)
    assert paths(result) == ["a.py", "lib/b.py"]
    assert skipped(result) == {"trees/side/": "worktree"}
    assert paths(walk(root / "trees/side", DEFAULT)) == ["a.py", "lib/b.py"]


def test_the_same_folder_is_found_in_other_work_trees(tmp_path: Path) -> None:
    root = repository(tmp_path / "root", "lib/b.py")
    commit(root)
    assert other_worktrees(root) == []
    git(root, "worktree", "add", "-q", str(tmp_path / "side"))
    assert other_worktrees(root) == [tmp_path / "side"]
    assert other_worktrees(root / "lib") == [tmp_path / "side/lib"]
    assert other_worktrees(tmp_path / "side/lib") == [root / "lib"]
    shutil.rmtree(tmp_path / "side")
    assert other_worktrees(root) == []


def test_a_folder_outside_any_repository_has_no_other_work_trees(tmp_path: Path) -> None:
    assert other_worktrees(tmp_path) == []


# -- without git ------------------------------------------------------------------------------------


def test_nested_ignore_files_work_as_in_git(tmp_path: Path) -> None:
    names = ["a.rb", "keep.rb", "out/x.py", "lib/b.rb", "lib/out.py", "lib/tmp/c.py", "lib/deep/tmp/d.py"]
    asked = repository(tmp_path / "asked", *names)
    read = fill(tmp_path / "read", *names)
    for root in (asked, read):
        fill(root, ".gitignore", text="*.rb\r\n!keep.rb\n/out\n# comment\n\n\\\n")
        fill(root, "lib/.gitignore", text="!b.rb\n/tmp\n")
    result = walk(read, DEFAULT)
    assert paths(result) == paths(walk(asked, DEFAULT))
    kept = ["keep.rb", "lib/b.rb", "lib/deep/tmp/d.py", "lib/out.py"]
    assert paths(result) == sorted([".gitignore", "lib/.gitignore", *kept])
    assert skipped(result)["out/"] == skipped(result)["lib/tmp/"] == "ignored"


def test_a_missing_root_and_a_file_as_root_are_usage_errors(tmp_path: Path) -> None:
    fill(tmp_path, "a.py")
    for root in (tmp_path / "nowhere", tmp_path / "a.py"):
        with pytest.raises(UsageError, match="cannot open the folder"):
            walk(root, DEFAULT)


def test_an_empty_root_has_no_files(make: Making) -> None:
    result = walk(make(), DEFAULT)
    assert result.files == []


def test_folders_nested_deeper_than_the_stack_are_no_trouble(make: Making) -> None:
    deep = "d/" * 400 + "deep.py"
    root = make("a.py", deep)
    usual = sys.getrecursionlimit()
    sys.setrecursionlimit(300)
    try:
        found = paths(walk(root, DEFAULT))
    finally:
        sys.setrecursionlimit(usual)
    assert found == ["a.py", deep]


# -- both ways --------------------------------------------------------------------------------------


def test_rules_about_names_hold(make: Making) -> None:
    root = make("a.py", "node_modules/x/index.js", "yarn.lock", "app.min.js", "logo.png", "rows.csv")
    result = walk(root, DEFAULT)
    assert paths(result) == ["a.py"]
    reasons = skipped(result)
    assert {path: reasons[path] for path in ("yarn.lock", "app.min.js", "logo.png", "rows.csv")} == {
        "yarn.lock": "generated",
        "app.min.js": "minified",
        "logo.png": "binary",
        "rows.csv": "data",
    }
    assert "vendored" in reasons.values()


def test_a_root_below_a_vendored_folder_is_walked_like_any_other(tmp_path: Path) -> None:
    root = fill(tmp_path / "site-packages/node_modules/vendor", "a.py", "pyvenv.cfg", "CACHEDIR.TAG")
    assert "a.py" in paths(walk(root, DEFAULT))


def test_a_folder_is_recognized_by_what_marks_it(make: Making) -> None:
    root = make("a.py", "myenv/pyvenv.cfg", "myenv/lib/b.py", "target/CACHEDIR.TAG", "target/debug/c.rs")
    result = walk(root, DEFAULT)
    assert paths(result) == ["a.py"]
    assert set(skipped(result).values()) == {"vendored", "tool"}


def test_our_own_folder_is_never_listed(make: Making) -> None:
    root = make("a.py", ".codesift/notes.py", "lib/.codesift/notes.py")
    fill(root, ".codesiftignore", text="!.codesift/\n!*\n")
    assert paths(walk(root, DEFAULT)) == [".codesiftignore", "a.py"]


def test_the_own_ignore_file_counts_at_the_root_and_below(make: Making) -> None:
    root = make("a.py", "old/b.py", "lib/c.py", "lib/gen_d.py", "lib/keep/gen_e.py")
    fill(root, ".codesiftignore", text="old/\n")
    fill(root, "lib/.codesiftignore", text="gen_*\n!/keep/gen_*\n")
    result = walk(root, DEFAULT)
    assert [path for path in paths(result) if path.endswith(".py")] == [
        "a.py",
        "lib/c.py",
        "lib/keep/gen_e.py",
    ]
    assert set(skipped(result).values()) - {"tool"} == {"ignored"}


def test_an_ignore_file_git_itself_ignores_counts(tmp_path: Path) -> None:
    root = repository(tmp_path, "a.py", "old/b.py")
    fill(root, ".git/info/exclude", text=".codesiftignore\n")
    fill(root, ".codesiftignore", text="old/\n")
    assert paths(walk(root, DEFAULT)) == ["a.py"]


def test_a_pattern_with_a_bang_brings_back_what_a_rule_leaves_out(make: Making) -> None:
    root = make("vendor/ours/a.py", "vendor/node_modules/b.js", "vendor/pic.png", "c_pb2.py", "d_pb2.py")
    fill(root, ".codesiftignore", text="!vendor/\n!c_pb2.py\n")
    assert paths(walk(root, DEFAULT)) == [".codesiftignore", "c_pb2.py", "vendor/ours/a.py"]


def test_settings_exclude_and_the_ignore_file_has_the_last_word(make: Making) -> None:
    root = make("a.py", "docs/b.py", "docs/c.py")
    fill(root, ".codesiftignore", text="!/docs/\ndocs/*\n!/docs/c.py\n")
    result = walk(root, Settings(exclude=("docs/",)))
    assert paths(result) == [".codesiftignore", "a.py", "docs/c.py"]
    assert skipped(walk(root, Settings(exclude=("a.py",))))["a.py"] == "excluded"


def test_settings_include_keeps_only_what_matches(make: Making) -> None:
    root = make("a.py", "src/b.py", "src/old/c.py", "src/d.png")
    result = walk(root, Settings(include=("src/", "!src/old/")))
    assert paths(result) == ["src/b.py"]
    assert skipped(result)["a.py"] == "excluded"


def test_settings_include_reaches_into_nested_repositories(tmp_path: Path) -> None:
    root = repository(tmp_path, "a.py")
    repository(root / "nested", "src/b.py", "c.py")
    assert paths(walk(root, Settings(include=("/nested/src/",)))) == ["nested/src/b.py"]


def test_links_are_not_followed(make: Making, tmp_path: Path) -> None:
    outside = fill(tmp_path / "outside", "secret.py")
    root = make("a.py", "lib/b.py")
    (root / "alias.py").symlink_to("a.py")
    (root / "out.py").symlink_to(outside / "secret.py")
    (root / "away").symlink_to(outside)
    (root / "lib/loop").symlink_to(root)
    (root / "broken.py").symlink_to("nowhere.py")
    result = walk(root, DEFAULT)
    assert paths(result) == ["a.py", "lib/b.py"]
    links = {path for path, reason in skipped(result).items() if reason == "link"}
    assert links == {"alias.py", "out.py", "away", "lib/loop", "broken.py"}


def test_a_root_reached_through_a_link_is_fine(make: Making, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(make("a.py"))
    assert paths(walk(tmp_path / "alias", DEFAULT)) == ["a.py"]


def test_a_pipe_is_neither_listed_nor_waited_for(make: Making) -> None:
    root = make("a.py")
    if (root / ".git").exists():
        commit(root)
    (root / "a.py").unlink()
    os.mkfifo(root / "a.py")
    result = walk(root, DEFAULT)
    assert paths(result) == [] and skipped(result)["a.py"] == "special"


def test_an_ignore_file_that_is_a_pipe_or_a_link_says_nothing(make: Making, tmp_path: Path) -> None:
    root = make("a.py", "lib/b.py")
    fill(tmp_path, "patterns", text="*.py\n")
    os.mkfifo(root / ".codesiftignore")
    (root / "lib/.codesiftignore").symlink_to(tmp_path / "patterns")
    assert paths(walk(root, DEFAULT)) == ["a.py", "lib/b.py"]


def test_odd_names_survive(make: Making) -> None:
    odd = [
        "new\nline.py",
        "[bold]x[/bold].py",
        "tab\t'quote\".py",
        "naïve ünï.py",
        "-rf.py",
        "back\\slash.py",
        " .py",
    ]
    root = make(*odd)
    assert paths(walk(root, DEFAULT)) == sorted(odd)


def test_a_name_that_is_not_utf8_is_left_out_by_name(make: Making) -> None:
    root = make("a.py")
    fill(root, os.fsdecode(b"caf\xe9.py"), os.fsdecode(b"d\xff/b.py"))
    result = walk(root, DEFAULT)
    assert paths(result) == ["a.py"]
    names = [skip.path for skip in result.skips if skip.reason == "name"]
    assert len(names) == 2 and names[0] == "caf\\udce9.py" and names[1].startswith("d\\udcff/")
    assert all(name.encode("utf-8") for name in names)


def test_large_files_are_left_out_by_size(make: Making) -> None:
    root = make("a.py")
    fill(root, "big.py", text="x = 1\n" * 100)
    fill(root, "fixture.json", text="[\n" + "1,\n" * 40_000 + "1]\n")
    reasons = skipped(walk(root, Settings(max_file_size=500)))
    assert reasons["big.py"] == "too large"
    assert skipped(walk(root, DEFAULT))["fixture.json"] == "data"


def test_the_content_decides_where_the_name_does_not(make: Making) -> None:
    root = make("a.py")
    fill(root, "c.h", text="int f(void);\n")
    fill(root, "cpp.h", text="namespace a {\nclass B {};\n}\n")
    fill(root, "script", text="#!/usr/bin/env python3\nprint(1)\n")
    fill(root, "NOTES", text="words\n")
    languages = {file.path: file.language for file in walk(root, DEFAULT).files}
    assert languages == {"a.py": "python", "c.h": "c", "cpp.h": "cpp", "script": "python", "NOTES": "text"}


def test_a_file_known_with_the_same_times_is_not_opened_again(make: Making) -> None:
    root = make("a.py")
    fill(root, "script", text="#!/usr/bin/env python3\n")
    first = {file.path: file for file in walk(root, DEFAULT).files}["script"]
    known = {"script": (first.size, first.mtime_ns, first.ctime_ns, "ruby")}
    assert {f.path: f.language for f in walk(root, DEFAULT, known).files}["script"] == "ruby"
    stale = {"script": (first.size, first.mtime_ns - 1, first.ctime_ns, "ruby")}
    assert {f.path: f.language for f in walk(root, DEFAULT, stale).files}["script"] == "python"


def test_without_ignore_files_nothing_is_imported_to_match_them(make: Making) -> None:
    script = (
        "import sys; from pathlib import Path; from codesift.config import Settings\n"
        "from codesift.repository.walk import walk; assert walk(Path(sys.argv[1]), Settings()).files\n"
        "print(sorted({'numpy', 'torch', 'rich', 'sqlite3'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(make("a.py"))], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


# -- trouble ----------------------------------------------------------------------------------------


def test_wrong_lines_of_an_ignore_file_are_passed_over_and_the_first_is_named(make: Making) -> None:
    root = make("a.py", "b.py", "z", "lib/c.py", "lib/d.py")
    fill(root, ".codesiftignore", text="# fine\n[z-a]\nb.py\n\\\n")
    fill(root, "lib/.codesiftignore", text="!!\nd.py\n[[:wrong:]]\n")
    result = walk(root, DEFAULT)
    assert [path for path in paths(result) if "ignore" not in path] == ["a.py", "lib/c.py", "z"]
    assert result.warnings == [
        ".codesiftignore, line 2 is passed over: the pattern '[z-a]' holds the range z-a, which runs"
        " backwards (3 more wrong lines)"
    ]


def test_wrong_lines_of_a_gitignore_are_passed_over_silently(tmp_path: Path) -> None:
    root = fill(tmp_path, "a.py", "b.py", "z")
    fill(root, ".gitignore", text="[z-a]\n\\\n!!\nb.py\n[\n")
    result = walk(root, DEFAULT)
    # Git takes the first letter of a range that runs backwards for itself.
    assert paths(result) == [".gitignore", "a.py"] and result.warnings == []


@pytest.mark.parametrize("setting", ["include", "exclude"])
def test_a_wrong_pattern_of_a_setting_is_a_usage_error(tmp_path: Path, setting: str) -> None:
    for pattern in ("[z-a]", "!!", "\\"):
        with pytest.raises(UsageError, match=f"setting {setting}: the pattern '"):
            walk(tmp_path, Settings(**{setting: ("*.py", pattern)}))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=f"setting {setting}: at most 1,000 patterns, found 1,001"):
        walk(tmp_path, Settings(**{setting: ("a",) * 1001}))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [".codesiftignore", ".gitignore"])
def test_an_ignore_file_is_read_up_to_its_limits(tmp_path: Path, name: str) -> None:
    root = fill(tmp_path, "first.py", "last.py")
    told = {
        "first.py\n" + "x\n" * 3000 + "last.py\n": "has more than 2,000 patterns; the rest is not read",
        "first.py\n" + "# x" * 50_000 + "\nlast.py\n": "is larger than 100,000 bytes; the rest is not read",
        "first.py\n" + "x" * 1001 + "\n": f"line 2 is passed over: the pattern '{'x' * 60}' is longer than",
        "first.py\n" + ("*" + "x" * 900 + "?\n") * 100 + "last.py": "characters of patterns with wildcards",
    }
    for text, warning in told.items():
        fill(root, name, text=text)
        result = walk(root, DEFAULT)
        assert "first.py" not in paths(result) and "last.py" in paths(result)
        assert len(result.warnings) == 1 and warning in result.warnings[0] and name in result.warnings[0]


def test_all_ignore_files_together_are_read_up_to_a_limit(make: Making) -> None:
    folders = [f"d{number}" for number in range(8)]
    root = make(*(f"{folder}/last.py" for folder in folders))
    for folder in folders:
        fill(root, f"{folder}/.codesiftignore", text="x\n" * 1999 + "last.py\n")
    result = walk(root, DEFAULT)
    assert sum(path.endswith("last.py") for path in paths(result)) == 3
    assert len(result.warnings) == 1 and "more than 10,000 patterns" in result.warnings[0]


def test_ignore_files_in_ignore_files_are_read_down_to_a_depth(make: Making) -> None:
    folders = ["/".join(["d"] * depth) for depth in range(1, 60)]
    root = make(*(f"{folder}/last.py" for folder in folders))
    for folder in folders:
        fill(root, f"{folder}/.codesiftignore", text="/last.py\n")
    result = walk(root, DEFAULT)
    assert sum(path.endswith("last.py") for path in paths(result)) == 9
    assert len(result.warnings) == 1 and result.warnings[0].endswith("(8 more files are so deep)")


def test_a_pattern_with_many_stars_is_no_trouble(make: Making) -> None:
    root = make("a" * 200 + ".py", "ba" * 20 + "b")
    fill(root, ".codesiftignore", text="*a*a*a*a*a*a*a*a*a*b\n" + "**/a*" * 100 + "b\n")
    settings = Settings(include=("*a*a*a*a*a*a*a*a*a*y", "ba*"), exclude=("*a*a*a*a*a*a*a*a*a*c",))
    assert paths(walk(root, settings)) == ["a" * 200 + ".py"]


def test_pipes_among_the_files_git_reads_first_are_not_waited_for(tmp_path: Path) -> None:
    names = (
        ".gitignore",
        ".git/config",
        ".git/HEAD",
        ".git/index",
        ".git/info/exclude",
        ".git/commondir",
        ".git",
    )
    for number, name in enumerate(names):
        root = repository(tmp_path / str(number), "a.py", "lib/b.py")
        commit(root)
        if name == ".git":
            shutil.rmtree(root / name)
        (root / name).unlink(missing_ok=True)
        os.mkfifo(root / name)
        result = walk(root, DEFAULT)
        assert not result.by_git and paths(result) == ["a.py", "lib/b.py"] and result.warnings == []
        assert paths(walk(root / "lib", DEFAULT)) == ["b.py"]
        assert other_worktrees(root) == []


def test_a_pipe_in_the_repository_of_a_worktree_is_not_waited_for(tmp_path: Path) -> None:
    root = repository(tmp_path / "root", "a.py")
    commit(root)
    git(root, "worktree", "add", "-q", str(tmp_path / "side"))
    (root / ".git/config").unlink()
    os.mkfifo(root / ".git/config")
    result = walk(tmp_path / "side", DEFAULT)
    assert not result.by_git and paths(result) == ["a.py"]


def test_a_nested_repository_whose_git_is_a_pipe_is_a_folder(tmp_path: Path) -> None:
    root = repository(tmp_path, "a.py", "lib/b.py")
    os.mkfifo(root / "lib/.git")
    assert paths(walk(root, DEFAULT)) == ["a.py", "lib/b.py"]


def test_git_is_given_up_where_it_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codesift.repository.git.CALL_SECONDS", 1.0)
    root = repository(tmp_path, "a.py", "lib/b.py", "lib/c.log")
    # Git opens the ignore files of folders below only when it gets there.
    os.mkfifo(root / "lib/deep.gitignore")
    (root / "lib/deep").mkdir()
    os.rename(root / "lib/deep.gitignore", root / "lib/deep/.gitignore")  # noqa: PTH104
    fill(root, "lib/deep/d.py")
    fill(root, ".gitignore", text="*.log\n")
    repository(root / "nested", "e.py")
    result = walk(root, DEFAULT)
    assert not result.by_git
    assert paths(result) == [".gitignore", "a.py", "lib/b.py", "lib/deep/d.py", "nested/e.py"]
    assert result.warnings == ["git did not answer within 1 seconds here: the folders are read without it"]


def test_a_git_that_hangs_or_never_stops_talking_is_ended_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codesift.repository.git.CALL_SECONDS", 1.0)
    monkeypatch.setattr("codesift.repository.git._MAX_OUTPUT_BYTES", 1_000_000)
    root = repository(tmp_path / "root", "a.py")
    program = tmp_path / "bin/git"
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    told = {
        "sleep 987654 & sleep 987654; wait": "git did not answer within 1 seconds here",
        "exec yes": "git said more than 1,000,000 bytes here",
        "exec yes >&2": "git said more than 1,000,000 bytes here",
        "exec >&- 2>&-; sleep 987654": "git did not end within 1 seconds here",
    }
    for script, warning in told.items():
        fill(tmp_path, "bin/git", text=f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        result = walk(root, DEFAULT)
        assert not result.by_git and paths(result) == ["a.py"]
        assert result.warnings == [f"{warning}: the folders are read without it"]
        # It is not asked again: a second plan of the same command would wait as long.
        result = walk(root, DEFAULT)
        assert paths(result) == ["a.py"] and result.warnings == []
        monkeypatch.setattr("codesift.repository.git._silent", set())
    processes = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert "sleep 987654" not in processes


def test_a_work_tree_that_lies_elsewhere_is_not_listed(tmp_path: Path) -> None:
    root = repository(tmp_path / "root", "a.py", "lib/b.py")
    other = fill(tmp_path / "other", "secret.py", "lib/secret.py")
    for elsewhere in (other, tmp_path / "nowhere", "../../other"):
        git(root, "config", "core.worktree", str(elsewhere))
        for folder, names in ((root, ["a.py", "lib/b.py"]), (root / "lib", ["b.py"])):
            result = walk(folder, DEFAULT)
            assert not result.by_git and paths(result) == names
    git(root, "config", "core.worktree", str(tmp_path))
    assert paths(walk(root, DEFAULT)) == ["a.py", "lib/b.py"]
    git(root, "config", "core.worktree", "..")
    assert walk(root, DEFAULT).by_git


def write_index(root: Path, *names: str) -> None:
    """Write an index by hand, as git itself refuses such names. Format: git's documentation, index-format."""
    entries = b""
    for name in sorted(name.encode() for name in names):
        entry = struct.pack(">6I", 0, 0, 0, 0, 0, 0) + struct.pack(">4I", 0o100644, 0, 0, 6) + bytes(20)
        entry += struct.pack(">H", min(len(name), 0xFFF)) + name
        entries += entry + bytes(8 - len(entry) % 8)
    content = b"DIRC" + struct.pack(">II", 2, len(names)) + entries
    (root / ".git/index").write_bytes(content + hashlib.sha1(content).digest())


def test_a_doctored_index_does_not_lead_out_of_the_root(tmp_path: Path) -> None:
    outside = fill(tmp_path / "outside", "secret.py", "deep/secret.py")
    root = repository(tmp_path / "root", "a.py", "lib/b.py", "..odd.py")
    (root / "away").symlink_to(outside)
    names = ["../outside/secret.py", f"{outside}/secret.py", "lib/../../outside/secret.py", "away/secret.py"]
    write_index(root, *names, "away/deep/secret.py", "a.py", "..odd.py", "x/" * 100_000 + "y.py")
    result = walk(root, DEFAULT)
    assert result.by_git and paths(result) == ["..odd.py", "a.py", "lib/b.py"]
    assert {skip.reason for skip in result.skips} == {"link"}


# -- folders the system refuses ----------------------------------------------------------------------

_AS_NOBODY = """
import os, sys
from pathlib import Path
import subprocess, codesift.repository.walk
from codesift.config import Settings
if os.getuid() == 0:
    os.setgid(65534), os.setuid(65534)
result = codesift.repository.walk.walk(Path(sys.argv[1]), Settings())
print(result.by_git, [file.path for file in result.files], [(s.path, s.reason) for s in result.skips])
"""


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder every user may enter; pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    for each in folder.rglob("*"):
        if each.is_dir() and not each.is_symlink():
            each.chmod(0o755)
    shutil.rmtree(folder)


def give_away(root: Path) -> None:
    """Make another user the owner of everything, where the tests run as the one who may."""
    if os.getuid() == 0:
        for each in (root, *root.rglob("*")):
            os.chown(each, 65534, 65534, follow_symlinks=False)


def as_nobody(root: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", _AS_NOBODY, str(root)], capture_output=True, text=True, check=True, cwd="/"
    )
    return done.stdout.strip()


def test_an_unreadable_folder_is_one_skip(public: Path) -> None:
    root = fill(public / "root", "a.py", "closed/b.py")
    (root / "closed").chmod(0)
    assert as_nobody(root) == "False ['a.py'] [('closed/', 'unreadable')]"


def test_an_unreadable_folder_of_a_repository_is_one_skip(public: Path) -> None:
    root = repository(public / "root", "a.py", "closed/b.py")
    (root / "closed").chmod(0)
    give_away(root)
    assert as_nobody(root) == "True ['a.py'] [('closed/', 'unreadable')]"


@pytest.mark.skipif(os.getuid() != 0, reason="only the superuser can give files away")
def test_somebody_elses_repository_is_walked_by_folders(public: Path) -> None:
    root = repository(public / "root", "a.py")
    assert as_nobody(root) == "False ['a.py'] [('.git/', 'tool')]"


# -- text -------------------------------------------------------------------------------------------


def source(path: Path) -> SourceFile:
    return SourceFile(path.name, str(path), "python", 0, 0, 0)


def text_of(folder: Path, data: bytes, name: str = "a.py") -> str:
    (folder / name).write_bytes(data)
    return read_text(source(folder / name), DEFAULT)


def refusal(path: Path, settings: Settings = DEFAULT) -> str:
    with pytest.raises(Unreadable) as caught:
        read_text(source(path), settings)
    assert caught.value.reason in REASONS
    return caught.value.reason


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
def test_text_is_decoded(tmp_path: Path, encoding: str) -> None:
    assert text_of(tmp_path, "naïve = '€'\n".encode(encoding)) == "naïve = '€'\n"


def test_big_endian_text_is_decoded(tmp_path: Path) -> None:
    assert text_of(tmp_path, b"\xfe\xff" + "é\n".encode("utf-16-be")) == "é\n"
    assert text_of(tmp_path, b"\0\0\xfe\xff" + "é\n".encode("utf-32-be")) == "é\n"


def test_bytes_without_meaning_in_any_encoding_still_give_text(tmp_path: Path) -> None:
    text = text_of(tmp_path, b"x = '\x81\xe9'\n")
    assert text == "x = '\x81é'\n" and text.encode("utf-8")


def test_a_cut_wide_character_does_not_stop_the_reading(tmp_path: Path) -> None:
    assert text_of(tmp_path, "ab".encode("utf-16") + b"\x41").startswith("ab")


def test_line_ends_are_kept_but_a_lone_return_ends_a_line_too(tmp_path: Path) -> None:
    assert text_of(tmp_path, b"a\r\nb\nc\rd\r\re\r") == "a\r\nb\nc\nd\n\ne\n"


def test_an_empty_file_is_empty_text(tmp_path: Path) -> None:
    assert text_of(tmp_path, b"") == ""


def test_content_that_is_not_for_reading_is_refused(tmp_path: Path) -> None:
    (tmp_path / "binary.py").write_bytes(b"x = 1\n\0\n")
    (tmp_path / "generated.py").write_bytes(b"# @generated by x\nx = 1\n")
    (tmp_path / "minified.js").write_bytes(b"a=1;" * 2000)
    (tmp_path / "prose.md").write_bytes(b"word " * 2000)
    assert refusal(tmp_path / "binary.py") == "binary"
    assert refusal(tmp_path / "generated.py") == "generated"
    assert refusal(tmp_path / "minified.js") == "minified"
    assert read_text(source(tmp_path / "prose.md"), DEFAULT).startswith("word ")


def test_a_file_that_vanished_or_grew_is_refused(tmp_path: Path) -> None:
    fill(tmp_path, "file", text="x = 1\n" * 10)
    assert refusal(tmp_path / "gone.py") == "vanished"
    assert refusal(tmp_path / "file/below.py") == "vanished"
    assert refusal(tmp_path / "file", Settings(max_file_size=59)) == "too large"
    assert read_text(source(tmp_path / "file"), Settings(max_file_size=60))


def test_what_took_a_files_place_is_refused(tmp_path: Path) -> None:
    fill(tmp_path, "a.py", "folder/b.py")
    (tmp_path / "link.py").symlink_to("a.py")
    os.mkfifo(tmp_path / "pipe.py")
    assert refusal(tmp_path / "link.py") == "unreadable"
    assert refusal(tmp_path / "pipe.py") == "special"
    assert refusal(tmp_path / "folder") == "special"
