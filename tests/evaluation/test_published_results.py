"""The results in the repository: each file is read or shown, and each page is what its figures give."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.quality.report import as_markdown
from evaluation.files import read_json, write_tables
from training.report import pages
from training.reporting.results import load_evaluations, load_runs

ROOT = Path(__file__).parents[2]
BENCHMARKS, TRAINING = (ROOT / room / "results" for room in ("benchmarks", "training"))
FILES = [path for folder in (BENCHMARKS, TRAINING) for path in sorted(folder.iterdir())]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted(path for room in ("training", "benchmarks") for path in (ROOT / room).rglob("*.md")),
    *sorted((ROOT / "codesift").rglob("*.md")),
]
READ = {"ranking_folds.json", "runs.json"}
"""Files that programs read, beside those that a page of the same name is made from."""
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def links_of(page: Path) -> list[Path]:
    """What a page links to inside the repository."""
    found = LINK.findall(page.read_text(encoding="utf-8"))
    return [(page.parent / link).resolve() for link in found if "://" not in link]


@pytest.mark.parametrize("page", [page for page in PAGES if links_of(page)], ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert [str(link) for link in links_of(page) if not link.exists()] == []


def test_every_file_is_read_by_a_program_or_shown_on_a_page() -> None:
    shown = {link for page in PAGES for link in links_of(page)}
    evaluated = {f"{each.name}.json" for each in load_evaluations(TRAINING)}
    unused = [
        name_of(path)
        for path in FILES
        if path.resolve() not in shown
        and path.name not in READ | evaluated
        and path.with_suffix(".md") not in FILES
    ]
    assert unused == []


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix == ".json"], ids=name_of)
def test_every_table_is_compact_with_one_row_a_line(path: Path, tmp_path: Path) -> None:
    write_tables(tmp_path / path.name, read_json(path))
    assert path.read_bytes() == (tmp_path / path.name).read_bytes()


@pytest.mark.parametrize("name", ["quality", "ablations"])
def test_the_quality_pages_are_what_their_figures_give(name: str) -> None:
    assert as_markdown(read_json(BENCHMARKS / f"{name}.json")) == (BENCHMARKS / f"{name}.md").read_text(
        "utf-8"
    )


def test_the_pages_of_training_are_what_their_figures_give(tmp_path: Path) -> None:
    evaluations = load_evaluations(TRAINING)
    made = dict(pages(evaluations, load_runs(tmp_path, TRAINING, evaluations)))
    assert {path.name for path in FILES if path.parent == TRAINING and path.suffix == ".md"} == set(made)
    for name, page in made.items():
        assert page.text == (TRAINING / name).read_text(encoding="utf-8")
        assert all((TRAINING / plot.file).is_file() for plot in page.plots)
