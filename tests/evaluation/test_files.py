"""Files of measurements: tables with one row a line, copies of folders, digests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evaluation.files import copy_tree, files_digest, read_json, write_tables
from evaluation.metrics import Estimate


def test_a_table_takes_a_line_for_each_row_and_all_else_one_line(tmp_path: Path) -> None:
    content = {
        "command": "measure",
        "machine": {"cores": 2, "packages": {"numpy": "2"}},
        "names": ["a", "b"],
        "rows": [{"group": "a", "MRR": Estimate(0.5, 0.25, 0.75)}, {"group": "b", "MRR": None}],
        "systems": {"base": {"rank": 8}, "other": {}},
        "left out": [],
    }
    path = tmp_path / "to" / "x.json"
    write_tables(path, content)
    assert path.read_text().splitlines() == [
        "{",
        '"command":"measure",',
        '"machine":{"cores":2,"packages":{"numpy":"2"}},',
        '"names":["a","b"],',
        '"rows":[',
        '{"group":"a","MRR":[0.5,0.25,0.75]},',
        '{"group":"b","MRR":null}',
        "],",
        '"systems":{',
        '"base":{"rank":8},',
        '"other":{}',
        "},",
        '"left out":[]',
        "}",
    ]


@pytest.mark.parametrize("content", [{}, {"a": 1}, {"ä": [[1, 2], [3]]}, {"a": {"b": {"c": {}}}}])
def test_what_is_written_is_read_as_it_was(tmp_path: Path, content: dict[str, Any]) -> None:
    write_tables(tmp_path / "x.json", content)
    assert read_json(tmp_path / "x.json") == content


def test_a_table_that_cannot_be_written_leaves_the_one_before(tmp_path: Path) -> None:
    write_tables(tmp_path / "x.json", {"a": 1})
    with pytest.raises(TypeError):
        write_tables(tmp_path / "x.json", {"a": object()})
    assert read_json(tmp_path / "x.json") == {"a": 1}


def test_a_folder_is_copied_once_and_whole(tmp_path: Path) -> None:
    (tmp_path / "from" / "in").mkdir(parents=True)
    (tmp_path / "from" / "in" / ".hidden").write_text("")
    (tmp_path / "from" / "a.py").write_text("1")
    for name, left_out in (("all", ()), ("shown", (".*",))):
        copy_tree(tmp_path / "from", tmp_path / "to" / name, *left_out)
    (tmp_path / "from" / "a.py").write_text("2")
    copy_tree(tmp_path / "from", tmp_path / "to" / "all")
    assert (tmp_path / "to" / "all" / "a.py").read_text() == "1"
    assert [(tmp_path / "to" / name / "in" / ".hidden").exists() for name in ("all", "shown")] == [
        True,
        False,
    ]
    assert {path.name for path in (tmp_path / "to").iterdir()} == {"all", "shown"}


def test_a_digest_changes_with_any_of_the_files(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("1")
    other.write_text("2")
    before = files_digest(one, other)
    other.write_text("3")
    assert len(before) == 8 and files_digest(one, other) != before
