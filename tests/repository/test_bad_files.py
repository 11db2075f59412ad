"""Repositories with files that are hard to read, to name or to place."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from repositories import (
    PROGRAM,
    SHOP,
    SHOP_UNITS,
    Done,
    as_ordinary_user,
    embedded,
    rows,
    start,
    units,
    worked,
    write,
)

Run = Callable[..., Done[str]]
Git = Callable[..., None]


def results(done: Done[str]) -> list[dict[str, Any]]:
    return list(json.loads(worked(done))["results"])


def query(codesift: Run, root: Path, text: str, *options: str) -> list[dict[str, Any]]:
    return results(codesift("query", text, "--root", root, "--json", *options))


# -- contents -------------------------------------------------------------------------------------

GREETING = 'def greet():\n    """Grüße aus München."""\n    return "Grüße"\n'


def test_files_in_other_encodings_are_found(codesift: Run, tmp_path: Path) -> None:
    encodings = ("utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-32")
    write(tmp_path, {f"{name}.py": GREETING.encode(name) for name in encodings})
    hits = query(codesift, tmp_path, "Grüße München")
    assert {hit["path"] for hit in hits} == {f"{name}.py" for name in encodings}
    assert {(hit["name"], hit["start_line"], hit["end_line"]) for hit in hits} == {("greet", 1, 3)}
    assert all("München" in hit["snippet"] for hit in hits)


def test_bytes_of_no_encoding_harm_nobody(codesift: Run, tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            **SHOP,
            "mixed.py": b'def broken():\n    return "\xff\xfe\x81 \xc3\xbc"\n',
            "cut.py": GREETING.encode("utf-16")[:-1],
            "late_nul.py": b"def late():\n    return 1\n" + b"# filler\n" * 2000 + b"\0\0\n",
            "nul.py": b"def early():\n\0    return 1\n",
            "empty.py": b"",
            "blank.py": b"\n\n  \n",
            "returns.py": b"def old_macintosh():\r    return 'sum of nothing'\r",
        },
    )
    done = codesift("index", tmp_path)
    assert "binary 1" in worked(done)
    names = {name for (name,) in rows(tmp_path, "SELECT name FROM units")}
    assert {"broken", "greet", "late", "old_macintosh", "total"} <= names
    assert "early" not in names
    assert units(codesift("index", tmp_path)) == units(done)


def test_windows_line_ends_keep_their_lines(codesift: Run, tmp_path: Path) -> None:
    write(tmp_path, {name: text.replace("\n", "\r\n") for name, text in SHOP.items()})
    hit = query(codesift, tmp_path, "sum of the prices of all lines")[0]
    assert (hit["qualified_name"], hit["start_line"], hit["end_line"]) == ("Cart.total", 14, 16)
    assert "\r" not in worked(codesift("query", "prices", "--plain", "--root", tmp_path))


_MEASURE = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(status, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
"""


def measured(*arguments: str | Path) -> tuple[float, int]:
    """(seconds of processor time, peak of memory in KiB) of a command that ends well.

    Through a small process: a child's peak starts at that of its parent, and this one may hold torch.
    """
    command = [sys.executable, "-c", _MEASURE, PROGRAM, *map(str, arguments)]
    status, seconds, peak = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert status == "0"
    return float(seconds), int(peak)


@pytest.mark.slow
def test_a_generated_file_of_50_megabytes_costs_nothing(codesift: Run, tmp_path: Path) -> None:
    seconds, peak = measured("index", write(tmp_path / "small"))
    line = b"export const table = [0x11, 0x22, 0x33, 0x44, 0x55, 0x66];\n"
    root = write(tmp_path / "big", {**SHOP, "tables.js": line * (50_000_000 // len(line))})
    more_seconds, higher_peak = measured("index", root)
    assert more_seconds < seconds + 1
    assert higher_peak < peak + 30_000
    assert "too large 1" in worked(codesift("index", root))


def _long_function(lines: int) -> str:
    body = "\tn += 1\n" * (lines // 4)
    marks = [f"\t{word} = '{word}'\n" for word in ("anchovy", "bergamot", "cardamom", "dandelion")]
    return "def endless(n):\n" + "".join(mark + body for mark in marks)


@pytest.mark.slow
def test_a_function_of_100_000_lines_is_searchable_to_its_end(codesift: Run, tmp_path: Path) -> None:
    write(
        tmp_path,
        {**SHOP, "endless.py": _long_function(72_000) + "\tpass\n" * 27_995 + "\telderberry()\n"},
    )
    assert units(codesift("index", tmp_path)) == SHOP_UNITS + 1
    covered = rows(
        tmp_path,
        "SELECT min(start_line), max(end_line) FROM windows WHERE unit_id = "
        "(SELECT id FROM units WHERE name = 'endless')",
    )
    # Its first windows have vectors, all of its words are found.
    assert covered[0][0] == 1 and 500 < covered[0][1] < 20_000
    for word, line in (("anchovy", 2), ("bergamot", 18_003), ("dandelion", 54_005), ("elderberry", 100_001)):
        hits = query(codesift, tmp_path, word, "--lexical")
        assert "endless" in [hit["name"] for hit in hits[:2]]
        assert abs(_best_line(codesift, tmp_path, word) - line) < 100


def _best_line(codesift: Run, root: Path, word: str) -> int:
    lines = worked(codesift("query", word, "--vimgrep", cwd=root)).splitlines()
    return next(int(line.split(":")[1]) for line in lines if line.startswith("endless.py:"))


@pytest.mark.slow
def test_work_grows_with_the_length_of_a_function_not_with_its_square(tmp_path: Path) -> None:
    spent = [
        measured("index", write(tmp_path / str(lines), {"endless.py": _long_function(lines)}))[0]
        for lines in (16_000, 64_000)
    ]
    assert spent[1] < 6 * spent[0]


# -- names ----------------------------------------------------------------------------------------

STRANGE = [
    "[red]x[/red].py", "a\nb.py", "tab\there.py", "\x1b[31mred.py", "\x1b]8;;file:x\x07x.py", "-k.py",
    "with space.py", 'quo"te\'s.py', "100%.py", "hash#1.py", "back\\slash.py", "co:lon.py", "\u202egnp.py",
    "größe.py", "\N{ROCKET}.py", "(){}$;&|.py", "*.py", "~.py", " .py",
]  # fmt: skip


@pytest.mark.slow
def test_strange_names_are_found_and_shown_harmlessly(codesift: Run, git: Git, tmp_path: Path) -> None:
    for folder in ("plain", "by_git"):
        root = write(tmp_path / folder, dict.fromkeys(STRANGE, "def needle():\n    return 'hay'\n"))
        if folder == "by_git":
            git(root, "init")
        assert {hit["path"] for hit in query(codesift, root, "needle", "-k", "50")} == set(STRANGE)
    for mode in ("--plain", "--vimgrep"):
        out = worked(codesift("query", "needle", "-k", "50", "--root", tmp_path / "plain", mode))
        assert "\x1b" not in out and "\u202e" not in out and "\x07" not in out
        assert "[red]x[/red].py" in out
    assert len(out.splitlines()) == len(STRANGE)
    # As xargs needs them: the names themselves, but never one on two lines.
    out = worked(codesift("query", "needle", "-k", "50", "--root", tmp_path / "plain", "--files"))
    assert out.count("\n") == len(STRANGE) and "a\\nb.py" in out


def test_a_function_of_a_strangely_named_file_can_be_asked_for(codesift: Run, tmp_path: Path) -> None:
    write(
        tmp_path,
        {**SHOP, "co:lon.py": "def needle():\n    return 'hay'\n", "a\nb.py": "def n():\n    pass\n"},
    )
    for target in ("co:lon.py:needle", "a\nb.py:n", "./co:lon.py:1"):
        assert results(codesift("similar", target, "--json", cwd=tmp_path))


def test_a_name_that_is_not_utf8_is_left_out_and_counted(codesift: Run, tmp_path: Path) -> None:
    write(tmp_path)
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.py")).write_text("def coffee():\n    pass\n")
    except OSError:
        pytest.skip("this file system takes only UTF-8")
    assert "name 1" in worked(codesift("index", tmp_path))


@pytest.mark.parametrize("name", ['it\'s "größe" a#b?c=d&e 100%25 [x] $HOME;', "caf\udce9"])
@pytest.mark.slow
def test_a_repository_may_lie_anywhere(codesift: Run, git: Git, tmp_path: Path, name: str) -> None:
    try:
        root = write(tmp_path / name)
    except OSError:
        pytest.skip("this file system takes only UTF-8")
    git(root, "init")
    assert units(codesift("index", root)) == SHOP_UNITS
    assert query(codesift, root, "sum of prices")[0]["qualified_name"] == "Cart.total"
    worked(codesift("status", "--root", root))
    assert results(codesift("similar", "shop/cart.py:Cart.add", "--json", cwd=root))


# -- folders, links and rights --------------------------------------------------------------------


def test_loops_of_links_end(codesift: Run, tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "shop" / "again").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "self.py").symlink_to("self.py")
    (tmp_path / "gone.py").symlink_to("nowhere.py")
    done = codesift("index", tmp_path)
    assert units(done) == SHOP_UNITS
    assert "link 3" in done.stdout


def test_what_may_not_be_read_is_left_out_and_counted(codesift: Run, git: Git, tmp_path: Path) -> None:
    for by_git in (False, True):
        root = write(tmp_path / str(by_git), {**SHOP, "secret/key.py": "x = 1\n", "closed.py": "y = 1\n"})
        if by_git:
            git(root, "init")
        (root / "secret").chmod(0)
        (root / "closed.py").chmod(0)
        done = codesift("index", root, preexec_fn=as_ordinary_user())
        (root / "secret").chmod(0o755)
        if done.returncode == 77:
            pytest.skip("root cannot give up its rights here")
        assert units(done) == SHOP_UNITS
        assert "unreadable 2" in done.stdout


def test_a_root_that_may_not_be_read_is_refused(codesift: Run, tmp_path: Path) -> None:
    root = write(tmp_path / "closed")
    root.chmod(0)
    done = codesift("index", root, preexec_fn=as_ordinary_user())
    root.chmod(0o755)
    if done.returncode == 77:
        pytest.skip("root cannot give up its rights here")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr and done.stderr.count("\n") == 1


def test_a_pipe_among_the_files_is_not_waited_for(codesift: Run, tmp_path: Path) -> None:
    write(tmp_path)
    os.mkfifo(tmp_path / "pipe.py")
    assert units(codesift("index", tmp_path, timeout=60)) == SHOP_UNITS


@pytest.mark.slow
def test_a_file_may_become_a_folder_and_back(codesift: Run, tmp_path: Path) -> None:
    write(tmp_path)
    worked(codesift("index", tmp_path))
    (tmp_path / "shop/files.py").unlink()
    write(tmp_path, {"shop/files.py/inner.py": "def needle():\n    return 'hay'\n"})
    assert query(codesift, tmp_path, "needle")[0]["path"] == "shop/files.py/inner.py"
    shutil.rmtree(tmp_path / "shop/files.py")
    write(tmp_path)
    done = codesift("index", tmp_path)
    assert (units(done), embedded(done)) == (SHOP_UNITS, 0)


@pytest.mark.slow
def test_a_time_of_change_in_the_future_is_believed_once(codesift: Run, tmp_path: Path) -> None:
    write(tmp_path)
    tomorrow = time.time() + 86_400
    for name in SHOP:
        os.utime(tmp_path / name, (tomorrow, tomorrow))
    while time.time() - (tmp_path / "web/retry.go").stat().st_ctime < 2.1:
        time.sleep(0.1)
    worked(codesift("index", tmp_path))
    assert '"stale_files":0' in worked(codesift("status", "--json", "--root", tmp_path)).replace(" ", "")
    write(tmp_path, {"shop/files.py": "def needle():\n    return 'hay'\n"})
    os.utime(tmp_path / "shop/files.py", (tomorrow, tomorrow))
    assert query(codesift, tmp_path, "needle")[0]["name"] == "needle"


# -- files that change meanwhile ------------------------------------------------------------------


@pytest.mark.slow
def test_files_may_vanish_and_change_while_they_are_read(codesift: Run, tmp_path: Path) -> None:
    source = "\n\n".join(f"def step_{i}(value):\n    return value + {i}" for i in range(10))
    names = [f"part_{i}.py" for i in range(40)]
    write(tmp_path, dict.fromkeys(names, source))
    process = start("index", tmp_path)
    turn = 0
    while process.poll() is None:
        for name in names[turn % 3 :: 7]:
            (tmp_path / name).unlink(missing_ok=True)
        for name in names[turn % 5 :: 7]:
            write(tmp_path, {name: source.replace("step", f"turn_{turn}")})
        turn += 1
        time.sleep(0.005)
    assert process.communicate()[1] == "" and process.returncode == 0
    done = codesift("index", tmp_path)
    left = [name for name in names if (tmp_path / name).exists()]
    assert units(done) == 10 * len(left)
    waiting = rows(tmp_path, "SELECT count(*) FROM units WHERE id NOT IN (SELECT unit_id FROM windows)")
    assert waiting == [(0,)]
