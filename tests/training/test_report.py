"""The report: every figure with where it is from, losses in plain sight, the same bytes each time."""

from __future__ import annotations

import argparse
import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

pytest.importorskip("matplotlib")

from codesift.models.adapters import read_adapters
from codesift.models.bases import DEFAULT, find_base
from codesift.models.spaces import space_for
from evaluation.files import read_json, write_json, write_rows
from evaluation.metrics import Estimate, RelevantRanks
from evaluation.summary import EvaluationResults
from evaluation.tasks.groups import GroupRanks, Measured
from training.__main__ import main
from training.evaluate import add_arguments
from training.reporting.commands import command_line
from training.reporting.results import thinned
from training.reporting.tables import duration, relative_change

MATRIX = "encoder.layer.0.attention.self.query.weight"
BETTER, WORSE = (1, 1, 2, 1, 1, 2), (9, 8, 9, 7, 9, 8)
MIDDLE, SAME = (2, 3, 2, 2, 4, 2), (2, 3, 2, 2, 4, 2)


def _found(ranks: tuple[int, ...]) -> list[RelevantRanks]:
    return [RelevantRanks((rank,), 1) for rank in ranks * 5]


def _system(work: Path, name: str, rank: int, run: str) -> str:
    """Adapters for Python and for all other languages, as `compose` writes them; returns their space."""
    folder = work / "systems" / name
    folder.mkdir(parents=True)
    generator = np.random.default_rng(rank)
    files = {"python": (f"{run}-python", 1.0), "": (run, 0.5)}
    for language, (made_by, factor) in files.items():
        pair = {".A": (rank, 384), ".B": (384, rank)}
        tensors = {MATRIX + part: generator.random(shape).astype(np.float16) for part, shape in pair.items()}
        described = json.dumps({"run": made_by, "factor": factor, "rank": rank})
        save_file(tensors, folder / f"{language or 'others'}.safetensors", {"codesift": described})
    code = {language: f"{language or 'others'}.safetensors" for language in files}
    write_json(folder / "adapters.json", {"format": 1, "base": DEFAULT, "text": None, "code": code})
    return space_for(find_base(DEFAULT), read_adapters(folder / "adapters.json")).id


def _run(work: Path, name: str, languages: str, rank: int, pairs: int) -> None:
    folder = work / "runs" / name
    options = {"name": name, "work": str(work), "languages": languages, "model": DEFAULT, "rank": rank}
    options |= {"task": "text-to-code", "preset": "codesift", "seed": 0}
    about = {"commit": "abc1234", "date": "2026-11-20", "machine": "2 cores, a processor, Linux"}
    preset = {"rank": rank, "alpha": 2 * rank, "batch": 64, "learning_rate": 2e-4}
    write_json(folder / "settings.json", {"options": options, **about, "preset": preset})
    result = {"pairs": pairs, "packages": 40, "views": {"documentation": pairs}, "steps": 200, "seconds": 700}
    parameters = {"trainable": 9216 * rank, "parameters": 22_000_000 + 9216 * rank}
    share = parameters["trainable"] / parameters["parameters"]
    write_json(folder / "result.json", {**result, **parameters, "share": share})
    rows = [{"step": s, "loss": 2 / s + 1, "seconds": s, "learning_rate": 1e-4} for s in range(1, 200)]
    write_rows(folder / "losses.jsonl", rows)


def _evaluate(work: Path, results: Path, name: str, partition: str, spaces: dict[str, str]) -> None:
    """What `evaluate` leaves, from ranks that were made up."""
    systems: dict[str, Any] = {"bm25": {}, "base": {"base": DEFAULT, "space": "0", "adapters": {}}}
    for number, (system, space) in enumerate(spaces.items()):
        rank = 16 * 2**number
        systems[system] = {"base": DEFAULT, "space": space, "adapters": {"python": rank, "other": rank}}
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    folders = [f"--system={system}={work / 'systems' / system}" for system in spaces]
    arguments = ["--eval", str(work), "--results", str(results), "--partition", partition, "--name", name]
    options = parser.parse_args([*arguments, *folders])
    options.work, options.seed = work, 0
    written = EvaluationResults(options, systems)
    columns = {"bm25": WORSE, "base": MIDDLE}
    first, last = [dict.fromkeys(spaces, ranks) for ranks in (BETTER, SAME)]
    packages = {
        "python": GroupRanks(300, 3, {s: _found(r) for s, r in {**columns, **first}.items()}),
        "go": GroupRanks(200, 2, {s: _found(r) for s, r in {**columns, **last}.items()}),
    }
    written.add(Measured("packages", "documentation -> function", packages))
    lost = {s: _found(r) for s, r in {**columns, **dict.fromkeys(spaces, WORSE)}.items()}
    written.add(Measured("cosqa", "questions -> functions", {"with documentation": GroupRanks(90, 1, lost)}))


@dataclass(frozen=True)
class Place:
    """Where a report is made."""

    work: Path
    results: Path

    @classmethod
    def fill(cls, folder: Path) -> Place:
        """Two evaluations of two systems, and the runs those are made of."""
        work, results = folder / "secret-place" / "work", folder / "results"
        ranks = {"small": 16, "large": 32}
        spaces = {name: _system(work, name, rank, f"r{rank}") for name, rank in ranks.items()}
        for rank in (16, 32):
            _run(work, f"r{rank}", "python,go", rank, 9000)
            _run(work, f"r{rank}-python", "python", rank, 4000)
        _evaluate(work, results, "final", "test", spaces)
        _evaluate(work, results, "choice", "dev", {"small": spaces["small"]})
        return cls(work, results)

    def text(self, name: str = "README.md") -> str:
        return (self.results / name).read_text()

    def made(self) -> dict[str, bytes]:
        """What the report wrote."""
        return {path.name: path.read_bytes() for path in self.results.iterdir() if path.name not in INPUTS}


INPUTS = ("final.json", "choice.json")
PLOTS = (
    "final-mrr.svg",
    "final-rank.svg",
    "final-pairs.svg",
    "losses.svg",
    "choice-mrr.svg",
    "choice-pairs.svg",
)


def report(work: Path, results: Path) -> int:
    return main(["report", "--work", str(work), "--results", str(results)])


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A place with its report, left as it is."""
    place = Place.fill(tmp_path_factory.mktemp("reported"))
    assert report(place.work, place.results) == 0
    return place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A place whose report has not been made."""
    return Place.fill(tmp_path)


def test_every_table_says_where_it_is_from(reported: Place) -> None:
    text = reported.text()
    for heading in ("packages", "cosqa", "What got worse", "Each run", "Trained parameters and their share"):
        assert re.search(rf"^#+ {heading}$", text, re.M), heading
    assert "--system small=FOLDER --system large=FOLDER --partition test --name final`, commit " in text
    assert text.count(read_json(reported.results / "final.json")["settings"]["date"]) >= 2
    assert "60 queries, 500 entries" in text
    assert "12 min" in text and "abc1234" in text and "2 cores, a processor" in text
    assert "| small | python: r16-python, other: r16, times 0.5 |" in text


def test_a_row_has_the_figures_and_the_change(reported: Place) -> None:
    row = next(line for line in reported.text().splitlines() if line.startswith("| python"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    base, ours = np.mean([1 / rank for rank in MIDDLE]), np.mean([1 / rank for rank in BETTER])
    assert cells[1:3] == ["30", "300"]
    assert cells[4].startswith(f"{base:.3f} (") and cells[5].startswith(f"{ours:.3f} (")
    assert cells[6].startswith(f"**+{100 * (ours / base - 1):.1f}%**")


def test_what_got_worse_is_listed_and_what_did_not_is_not(reported: Place) -> None:
    text = reported.text()
    worse = text[text.index("# What got worse") : text.index("![")]
    rows = [line for line in worse.splitlines() if line.startswith("| cosqa")]
    assert {row.split("|")[3].strip() for row in rows} == {"small", "large"}
    assert all(row.rstrip().endswith("yes |") for row in rows)
    assert "| packages" not in worse


def test_choices_on_dev_have_their_own_page(reported: Place) -> None:
    assert "[choice](choice.md)" in reported.text()
    assert "partition dev" in reported.text("choice.md")


def test_plots_are_there_small_and_shown(reported: Place) -> None:
    shown = reported.text() + reported.text("choice.md")
    assert {name for name in reported.made() if name.endswith(".svg")} == set(PLOTS)
    for name in PLOTS:
        assert f"]({name})" in shown
        assert 2_000 < (reported.results / name).stat().st_size < 100_000


def test_no_place_on_this_machine_is_named(reported: Place) -> None:
    assert all(b"secret-place" not in content for content in reported.made().values())


def test_the_same_report_is_made_again_without_the_work_folder(reported: Place, tmp_path: Path) -> None:
    again = Place(tmp_path / "empty", tmp_path / "results")
    again.results.mkdir()
    for name in (*INPUTS, "runs.json"):
        shutil.copy(reported.results / name, again.results)
    assert report(again.work, again.results) == 0
    assert again.made() == reported.made()


def test_what_is_missing_is_said(place: Place, tmp_path: Path) -> None:
    assert report(tmp_path / "empty", place.results) == 0
    assert "No plot of gain against number of pairs" in place.text()
    assert "No finished runs are known" in place.text()
    assert "Which runs its adapters come from is not known" in place.text()
    assert not {"final-pairs.svg", "losses.svg"} & set(place.made())
    assert "No plot of MRR against rank" in place.text("choice.md")


def test_runs_alone_are_reported(place: Place, tmp_path: Path) -> None:
    assert report(place.work, tmp_path / "other") == 0
    text = (tmp_path / "other" / "README.md").read_text()
    assert "Nothing has been evaluated yet" in text and "r16-python" in text


def test_a_run_that_is_not_finished_is_left_out(place: Place, tmp_path: Path) -> None:
    (place.work / "runs" / "r16" / "result.json").unlink()
    assert report(place.work, tmp_path / "other") == 0
    names = [run["name"] for run in read_json(tmp_path / "other" / "runs.json")["runs"]]
    assert names == ["r16-python", "r32", "r32-python"]


def test_nothing_to_report_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(tmp_path / "none", tmp_path / "no-results") == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "no-results").exists()


@pytest.mark.parametrize("content", ['{"name": "x"}', "[]", "{"])
def test_a_result_that_cannot_be_read_is_named(
    content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.json").write_text(content)
    assert report(tmp_path / "work", tmp_path) == 1
    said = capsys.readouterr().err
    assert "broken.json" in said and said.count("\n") == 1


def test_a_command_has_what_differs_from_the_defaults(tmp_path: Path) -> None:
    options = {
        "work": str(tmp_path),
        "name": "go-64",
        "preset": "loracode",
        "rank": 64,
        "seed": 0,
        "steps": 0,
    }
    init = {
        "init": str(tmp_path / "runs" / "go" / "adapter.safetensors"),
        "text": "/elsewhere/text.safetensors",
    }
    assert command_line("train", options | init) == (
        "python -m training train --work FOLDER --name go-64 --preset loracode --text text.safetensors "
        "--init FOLDER/runs/go/adapter.safetensors --rank 64"
    )


def test_a_curve_keeps_its_end_and_its_mean() -> None:
    points = [(step, float(step)) for step in range(1, 101)]
    kept = thinned(points, 60)
    assert len(kept) == 50
    assert kept[-1] == (100, 99.5)
    assert thinned(points[:7], 60) == points[:7]
    assert thinned([], 60) == []


def test_a_change_is_bold_where_it_is_sure() -> None:
    assert (
        relative_change(Estimate(0.05, 0.01, 0.09), Estimate(0.5, 0.4, 0.6)) == "**+10.0%** (+2.0 to +18.0)"
    )
    assert relative_change(Estimate(-0.05, -0.09, 0.01), Estimate(0.5, 0.4, 0.6)) == "-10.0% (-18.0 to +2.0)"
    assert relative_change(Estimate(0.2, 0.1, 0.3), Estimate(0.0, 0.0, 0.0)) == "+0.200 (+0.100 to +0.300)"


@pytest.mark.parametrize(("seconds", "said"), [(45, "45 s"), (720, "12 min"), (12_240, "3.4 h")])
def test_durations_are_easy_to_read(seconds: float, said: str) -> None:
    assert duration(seconds) == said
