"""Patterns as in .gitignore: what they match, compared with git itself, and what is wrong with some."""

from __future__ import annotations

import random
import subprocess
from itertools import product
from pathlib import Path

import pytest

from codesift.errors import UsageError
from codesift.patterns.gitignore import MAX_WILDCARD_BYTES, RuleSet, check_patterns, read_rule, to_rules

FRAGMENTS = [
    *("a", "b", "ab", "*", "*", "**", "/", "/", "?", "[", "]", "!", "^", "-", "\\", " ", "#", ".", "é", "\t"),
    *("[a-c]", "[!a]", "[^b-z]", "[[:alpha:]]", "[[:digit:]x]", "[[:foo:]]", "[z-a]", "[]a]", "[a", "[é]"),
    *("**/", "/**", "/**/", "\\*", "***", "[!]", "[[a]", "[[:alpha]", "[a-\\c]", "[\\]]", "[[:]", "[--a]"),
    *("[[:punct:]]", "[[:space:]]", "[[:upper:]-z]", "[[:cntrl:]]", "[[:print:]]", "[[:xdigit:]]", "[a-]"),
]
NAMES = [
    *("a", "b", "ab", "aab", "abc", "a.b", "xa", "[", "]", "a-b", "!a", "#a", "\\", "a b", "b ", "-", "é"),
    *("A", "Z", "5", "a*b", "?", "^", "\t", "z", "al", "a]", "[a]", "x\x01"),
]


def make_tree(root: Path, chance: random.Random) -> list[str]:
    """Some files with odd names; returns their paths and those of their folders."""
    for _ in range(150):
        path = root.joinpath(*chance.choices(NAMES, k=chance.choice((1, 2, 3, 3, 4))))
        if not any(part.is_file() for part in (path, *path.parents)) and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    found = [path.relative_to(root).as_posix() for path in root.rglob("*")]
    return sorted(path for path in found if not path.startswith(".git"))


def by_git(root: Path, paths: list[str]) -> dict[str, bool | None]:
    """What git says: whether each path is ignored, None where no pattern matches."""
    command = ["git", "-C", str(root), "check-ignore", "--no-index", "-v", "-n", "-z", "--stdin"]
    given = "".join(path + "\0" for path in paths).encode()
    fields = subprocess.run(command, input=given, capture_output=True).stdout.decode().split("\0")
    return {
        path: not pattern.startswith("!") if source else None
        for source, pattern, path in zip(fields[::4], fields[2::4], fields[3::4], strict=False)
    }


def by_us(rules: RuleSet, root: Path, path: str) -> bool | None:
    """Ask for each folder down to a path, as git does: what lies in an ignored one is ignored."""
    meant = None
    parts = path.split("/")
    for depth in range(1, len(parts) + 1):
        each = "/".join(parts[:depth])
        meant = rules.matches((each + "/" * (root / each).is_dir()).encode())
        if meant:
            break
    return meant


@pytest.mark.parametrize("seed", range(4))
def test_patterns_match_what_they_match_in_git(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    paths = make_tree(tmp_path, chance)
    matched = 0
    for _ in range(120):
        lines = [
            "".join(chance.choices(FRAGMENTS, k=chance.randint(1, 6))) for _ in range(chance.choice((1, 3)))
        ]
        (tmp_path / ".gitignore").write_text("\n".join(lines) + "\n", encoding="utf-8")
        expected = by_git(tmp_path, paths)
        rules = RuleSet(to_rules(lines))
        assert {path: by_us(rules, tmp_path, path) for path in paths} == expected, lines
        matched += sum(meant is not None for meant in expected.values())
    assert len(paths) > 80 and matched > 1000


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("a/**/b", "a/b a/x/b a/x/y/b", "b x/a/b a/xb"),
        ("**/b/c", "b/c x/b/c x/y/b/c", "b xb/c"),
        ("a/**", "a/b a/b/c", "a xa/b"),
        ("a/b**/c", "a/bc a/bx/c a/bx/y/c", "a/c"),
        ("/*.py", "a.py", "x/a.py"),
        ("*.py", "a.py x/a.py .py", "a.pyc py"),
        ("*", "a a/b", ""),
        ("x/", "x/", "x a/x"),
        ("[z-a]", "z", "a m"),
        ("[[:upper:]_]?", "Ab _1", "ab A"),
        ("\\!a", "!a", "a"),
        ("\\#a\\ ", "", "#a"),
        ("na?ve", "naive", "naïve"),
    ],
)
def test_a_pattern_matches_these_paths_and_not_those(pattern: str, yes: str, no: str) -> None:
    rules = RuleSet(to_rules([pattern]))
    assert [path for path in yes.split() if not rules.matches(path.encode())] == []
    assert [path for path in no.split() if rules.matches(path.encode())] == []


def test_the_last_pattern_that_matches_a_file_or_a_folder_above_it_covers() -> None:
    rules = RuleSet(to_rules(["src/", "*.md", "!src/old/", "/src/old/keep.c"]))
    paths = ["src/a.c", "src/x/y.c", "src/old/a.c", "src/old/x/a.c", "src/old/keep.c", "b.md", "c.txt"]
    covered = [rules.covers(path.encode()) for path in paths]
    assert covered == [True, True, False, False, True, True, None]


def test_more_folders_than_are_remembered_change_nothing() -> None:
    rules = RuleSet(to_rules(["/*7/**/x*", "!y7*/"]))
    paths = [f"{top}/y{number}/x" for top, number in product(("a7", "b"), range(2500))]
    asked_once = [RuleSet(to_rules(["/*7/**/x*", "!y7*/"])).covers(path.encode()) for path in paths[::100]]
    assert [rules.covers(path.encode()) for path in paths][::100] == asked_once
    assert rules.covers(b"a7/y7/x") is False and rules.covers(b"a7/y8/x") is True


@pytest.mark.parametrize(
    "pattern",
    [
        "*a*a*a*a*a*a*a*a*b",
        "*a" * 499 + "b",
        "**/a" * 200 + "/b",
        "a/**/" * 150 + "b",
        "[!b]*" * 200 + "b",
        "?*" * 500,
        "*a" + "?" * 200 + "b",
    ],
)
def test_no_pattern_takes_long(pattern: str) -> None:
    chance = random.Random(1)
    rules = RuleSet(to_rules([pattern]))
    for _ in range(50):
        rules.matches("".join(chance.choices("aab", k=255)).encode())
        rules.matches(("a/" * 1000 + "a" * 200).encode())


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        ("[z-a]", "range z-a, which runs backwards"),
        ("x[9-0]*", "range 9-0"),
        ("[a-\\Z]", "range a-Z"),
        ("[é-a]", "range \\xa9-a"),
        ("!!", "two exclamation marks"),
        ("!!x", "two exclamation marks"),
        ("\\", "ends in a backslash"),
        ("x\\/", "ends in a backslash"),
        ("[a", "not closed"),
        ("![", "not closed"),
        ("[[:alpha:]", "not closed"),
        ("[[:word:]]", "no class of characters"),
        ("", "names nothing"),
        ("   ", "names nothing"),
        ("!", "names nothing"),
        ("/", "names nothing"),
        ("# x", "comment"),
        ("a\0b", "NUL"),
        ("\ud800", "no path can hold"),
        ("a" * 1001, "longer than 1,000 bytes"),
    ],
)
def test_a_wrong_pattern_is_named_with_what_is_wrong(pattern: str, fault: str) -> None:
    with pytest.raises(UsageError, match=r"^setting x: the pattern '") as caught:
        check_patterns(["*.py", pattern], "setting x", 10)
    assert fault in str(caught.value) and len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "pattern", ["a" * 1000, "[]]", "[!]a]", "[a-]", "[[]", "\\[", "a\\ ", "!\\!", "**", "é?", "\udcff"]
)
def test_what_git_matches_is_not_wrong(pattern: str) -> None:
    check_patterns([pattern], "setting x", 10)


def test_patterns_are_bounded_in_number_and_in_what_matching_them_costs() -> None:
    check_patterns(["a*"] * 10, "--x", 10)
    with pytest.raises(UsageError, match="--x: at most 10 patterns, found 11"):
        check_patterns(["a*"] * 11, "--x", 10)
    check_patterns(["a" * 999] * 500, "--x", 1000)
    with pytest.raises(UsageError, match=f"more than {MAX_WILDCARD_BYTES:,} characters together"):
        check_patterns(["*" + "a?" * 400] * 100, "--x", 1000)


def test_lines_are_read_as_git_reads_them() -> None:
    assert read_rule(b"") is read_rule(b"   ") is read_rule(b"# x") is read_rule(b"\0x") is None
    texts = [
        rule.text
        for line in (b"a  ", b"a\\ ", b"a\\  ", b"a\\\\ ", b"a\t", b"a\0b")
        if (rule := read_rule(line))
    ]
    assert texts == [b"a", b"a\\ ", b"a\\ ", b"a\\\\", b"a\t", b"a"]
