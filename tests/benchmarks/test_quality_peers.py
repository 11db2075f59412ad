"""Peers of the quality benchmark, none of them installed: their output, and the process they run in."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks.quality.cold import cold
from benchmarks.quality.peers import peers
from benchmarks.quality.peers.commands import from_matches, from_probe, grep_words
from benchmarks.quality.peers.helper import Library, LibraryPeer
from benchmarks.quality.peers.installing import program, unpack_binary
from benchmarks.quality.systems import HIDDEN, Ranking, Result, Searcher
from evaluation.files import copy_tree
from evaluation.packages import Unavailable

ADAPTOR = """
import os
print("noise on stdout")

class Search:
    def __init__(self, repository):
        self.repository = repository

    def ask(self, query, limit):
        if query == "die":
            raise SystemExit("the peer broke")
        return [("a.py", 1, 9, 0.75), (os.environ["MODEL"], 2, 3, limit)] if query != "?" else []
"""


@pytest.fixture
def peer(tmp_path: Path) -> LibraryPeer:
    """A peer that is installed already, in an environment that is this Python's."""
    environment = tmp_path / "fake-1"
    (environment / "bin").mkdir(parents=True)
    (environment / "bin" / "python").symlink_to(sys.executable)
    (tmp_path / "fake-1.ready").touch()
    adaptor = tmp_path / "adaptor.py"
    adaptor.write_text(ADAPTOR)
    row = Library("fake", "fake==1", str(adaptor), "a stand-in", {"MODEL": "{home}"})
    return LibraryPeer(row, tmp_path)


def test_a_peer_answers_from_its_own_process(peer: LibraryPeer, tmp_path: Path) -> None:
    def work(searcher: Searcher) -> tuple[Ranking, Ranking, Ranking | None, float | None]:
        assert searcher.index_seconds >= 0
        place = Result("a.py", 1, 9)
        return searcher.ask("x"), searcher.ask("?"), searcher.alike(place), searcher.cold_seconds("x")

    found, none, alike, seconds = peer.on(tmp_path / "repository", work)
    home = str(tmp_path / "home" / "fake" / "repository")
    assert found.results == (Result("a.py", 1, 9), Result(home, 2, 3))
    assert (found.confidence, found.nothing) == (0.75, False)
    assert (none.results, none.confidence, none.nothing) == ((), None, True)
    assert (alike, seconds) == (None, None)


def test_a_peer_that_dies_is_unavailable_with_its_last_words(peer: LibraryPeer, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"exit code 1: the peer broke"):
        peer.on(tmp_path / "repository", lambda searcher: searcher.ask("die"))


def test_a_changed_adaptor_is_another_version(peer: LibraryPeer, tmp_path: Path) -> None:
    before = peer.version
    (tmp_path / "adaptor.py").write_text(ADAPTOR + "\n")
    assert peer.version != before
    assert before.startswith("1 ")


def test_every_row_of_the_table_has_what_the_report_needs(tmp_path: Path) -> None:
    found = peers(tmp_path)
    assert len({each.name for each in found}) == len(found) == 5
    assert all(each.version and each.about for each in found)


# -- ripgrep and probe ----------------------------------------------------------------------------


def test_ripgrep_looks_for_the_words_that_tell_something() -> None:
    assert grep_words("How is the URL parsed, and the url's port?") == ["url", "parsed", "port"]


def test_files_come_by_matches_and_windows_by_distinct_words() -> None:
    matches = [("many.py", line, "url") for line in (1, 1, 2)] + [
        ("both.py", 30, "url"),
        ("both.py", 31, "port"),
    ]
    found = from_matches(matches, words=4, seconds=0.5)
    assert found.files == ("many.py", "both.py")
    assert found.results[0] == Result("both.py", 1, 40)
    assert found.results[2:] == (Result("many.py", 1, 40),)
    assert found.confidence == 0.5
    assert from_matches([], 4, 0.5).nothing


def test_probes_results_are_ranked_by_its_score() -> None:
    rows = [
        {"file": "/r/a.py", "lines": [1, 2], "score": 1.0},
        {"file": "/r/sub/b.py", "lines": [3, 4], "score": 2.0},
    ]
    found = from_probe("Using BM25\n" + json.dumps({"results": rows}), Path("/r"), 0.5)
    assert found.results == (Result("sub/b.py", 3, 4), Result("a.py", 1, 2))
    assert found.confidence == 2.0
    assert from_probe("No results found.", Path("/r"), 0.5).nothing


# -- BM25 -----------------------------------------------------------------------------------------


def test_bm25_splits_identifiers_and_cuts_files_into_overlapping_windows(tmp_path: Path) -> None:
    pytest.importorskip("bm25s")
    from benchmarks.quality.peers.bm25_search import Search, tokens

    assert tokens("parseHTTPHeader(max_age2)") == ["parse", "http", "header", "max", "age", "2"]
    (tmp_path / "long.py").write_text("\n".join(["pass"] * 49 + ["needle = 1"]))
    (tmp_path / "short.py").write_text("pass")
    search = Search(str(tmp_path))
    assert [row[:3] for row in search.ask("the needle", 10)] == [("long.py", 21, 50)]
    assert search.ask("absent", 10) == []
    assert search.alike("long.py", 50, 50, 10)[0][:3] == ("long.py", 21, 50)


# -- folders and programs -------------------------------------------------------------------------


def test_a_copy_of_sources_leaves_out_what_tools_left_there(tmp_path: Path) -> None:
    (tmp_path / "from" / ".codesift").mkdir(parents=True)
    (tmp_path / "from" / "a.py").write_text("x = 1\n")
    copy_tree(tmp_path / "from", tmp_path / "to", HIDDEN)
    assert [path.name for path in (tmp_path / "to").iterdir()] == ["a.py"]


def test_a_program_that_does_not_run_here_is_unavailable(tmp_path: Path) -> None:
    script = tmp_path / "rg"
    script.write_text("#!/bin/sh\necho no such library >&2\nexit 127\n")
    with pytest.raises(Unavailable, match="no such library"):
        program(tmp_path, "rg")
    with pytest.raises(Unavailable, match="no probe"):
        program(tmp_path, "probe")


def test_a_package_without_a_program_for_this_machine_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "probe-riscv-plan9.tar.gz").touch()
    with pytest.raises(Unavailable, match="no program for"):
        unpack_binary(tmp_path)


def test_a_command_that_fails_has_no_time(tmp_path: Path) -> None:
    assert cold([sys.executable, "-c", "raise SystemExit(1)"], tmp_path) is None
    assert cold([str(tmp_path / "absent")], tmp_path) is None
    seconds = cold([sys.executable, "-c", ""], tmp_path)
    assert seconds is not None and seconds > 0
