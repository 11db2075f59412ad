"""The quality report and the command that writes it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest
from quality_fakes import FakeSystem, asked, write_questions

from benchmarks.quality import command, main
from benchmarks.quality.answers import ask_all
from benchmarks.quality.report import as_markdown, figures, interval
from benchmarks.quality.systems import System
from evaluation.files import read_json, write_tables
from evaluation.machine import describe_machine
from evaluation.metrics import Estimate


def two_systems() -> list[System]:
    """One that finds everything first, one that finds nothing; and one that cannot be had."""
    broken = FakeSystem("broken")
    broken.fails_on = "one"
    return [FakeSystem("codesift"), FakeSystem("peer", order=("other",)), broken]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    folder = tmp_path_factory.mktemp("found")
    rows, systems = asked(folder), two_systems()
    done = ask_all(systems, {"one": Path("one"), "two": Path("two")}, rows, folder / "kept")
    return figures(done, systems, rows, [("codesift", "peer")], describe_machine(), "the command")


def test_the_figures_are_those_worked_out_by_hand(found: dict[str, list[dict[str, Any]]]) -> None:
    ours, peer = found["systems"]
    assert (ours["name"], peer["name"]) == ("codesift", "peer")
    assert ours["overall"]["NDCG@10 by file"] == (1.0, 1.0, 1.0)
    assert peer["overall"]["MRR by function"].value == 0.0
    assert ours["seconds"] == {"index": 4.0, "query": 0.25, "cold": 0.75, "load": ours["seconds"]["load"]}
    assert ours["nothing"]["called nothing, unanswerable"] == 1.0
    assert ours["nothing"]["AUROC, file questions"] == (1.0, 1.0, 1.0)


def test_the_report_is_the_same_from_what_was_written(found: dict[str, object], tmp_path: Path) -> None:
    write_tables(tmp_path / "found.json", found)
    assert as_markdown(read_json(tmp_path / "found.json")) == as_markdown(found)


def test_every_pair_is_tested_on_what_both_can(found: dict[str, list[dict[str, object]]]) -> None:
    rows = {row["metric"]: row for row in found["tests"]}
    assert rows["NDCG@10 by file"]["difference"] == 1.0
    assert rows["NDCG@10 by file"]["questions"] == 2


def test_groups_of_every_kind_have_their_own_rows(found: dict[str, object]) -> None:
    text = as_markdown(found)
    for row in ("| one (1) |", "| python (1) |", "| go (1) |", "| symbol (2) |", "| bug (2) |"):
        assert row in text


def test_a_peer_that_could_not_be_had_stands_in_the_report_with_the_reason(found: dict[str, object]) -> None:
    text = as_markdown(found)
    assert "- broken: a stand-in; not measured: on one: no such package" in text
    assert "| broken | not measured |" in text


def test_an_interval_is_short_and_a_missing_figure_a_dash() -> None:
    assert interval(Estimate(0.8241, 0.78, 0.861)) == "0.824 (0.78 to 0.86)"
    assert interval(None) == "-"


# -- the command ----------------------------------------------------------------------------------


def test_without_data_the_command_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CODESIFT_EVAL", raising=False)
    assert main([]) == 0
    assert "skipped" in capsys.readouterr().out


def test_an_unknown_system_is_named_with_those_there_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_questions(tmp_path / "data")
    with pytest.raises(SystemExit):
        main(["--data", str(data), "--work", str(tmp_path / "work"), "--only", "codesift,sembel"])
    said = capsys.readouterr().err
    assert "'sembel'" in said
    assert all(name in said for name in ("codesift-words", "ripgrep", "bm25", "semble", "coden", "probe"))


def test_ablations_are_asked_only_on_demand_and_compared_systems_in_any_case() -> None:
    parser = argparse.ArgumentParser()
    everything: list[tuple[System, bool]] = [
        (FakeSystem(n), n == "less") for n in ("codesift", "less", "peer")
    ]

    def names(only: str | None, ablations: bool, *pairs: tuple[str, str]) -> list[str]:
        return [each.name for each in command.chosen_systems(parser, everything, only, ablations, pairs)]

    assert names(None, False) == ["codesift", "peer"]
    assert names(None, True) == ["codesift", "less", "peer"]
    assert names("peer", False) == ["peer"]
    assert names("peer", False, ("codesift", "less")) == ["codesift", "less", "peer"]
    assert names(None, False, ("codesift", "less")) == ["codesift", "less", "peer"]


def test_the_published_command_names_no_folder() -> None:
    arguments = ["--data", "/private/data", "--only", "codesift", "--out=/else/x.json", "--ablations"]
    expected = "python -m benchmarks quality --data FOLDER --only codesift --out=FOLDER --ablations"
    assert command.published(arguments) == expected


@pytest.mark.slow
def test_the_command_asks_and_writes_both_reports(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data, work, out = write_questions(tmp_path / "data"), tmp_path / "work", tmp_path / "found.json"
    sources = tmp_path / "to" / "evaluation"
    for repo in ("one", "two"):
        (sources / repo / ".codesift").mkdir(parents=True)
    (data / "repos" / "corpora.json").write_text("[]")
    monkeypatch.setattr(command, "variants", lambda work: [(each, False) for each in two_systems()])
    monkeypatch.setattr(command, "peers", lambda work: [])
    folders = ["--data", str(data), "--work", str(work), "--to", str(tmp_path / "to"), "--out", str(out)]
    assert main([*folders, "--repos", "one"]) == 0
    capsys.readouterr()
    assert main([*folders, "--repos", "one"]) == 0
    assert "asking codesift about" not in capsys.readouterr().err
    assert main([*folders, "--repos", "one", "--fresh"]) == 0
    assert json.loads(out.read_text())["repositories"] == ["one"]
    said = capsys.readouterr()
    assert out.with_suffix(".md").read_text() == said.out
    assert "asking codesift about one" in said.err
    assert list((work / "sources" / "one").iterdir()) == []
