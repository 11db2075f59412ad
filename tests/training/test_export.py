"""Export: adapters are checked against torch, then written with a manifest and cards."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from tiny_models import adapters

from codesift.encoders import open_encoder
from codesift.models.adapters import read_adapters
from codesift.models.bases import BASES, DEFAULT
from codesift.models.spaces import space_for
from evaluation.files import write_json, write_rows, write_tables
from evaluation.metrics import Estimate
from evaluation.records import Function
from evaluation.summary import tables_of
from training.__main__ import main

BASE = BASES[DEFAULT]


def function(number: int, language: str) -> dict[str, Any]:
    code = f"def total_{number}(prices, tax):\n    return sum(prices) * (1 + tax) + {number}\n"
    return Function(
        repo="shop",
        package="shop-1.0",
        path=f"shop/part_{number}.py",
        func_name=f"Shop.total_{number}",
        language=language,
        partition="test",
        kind="function",
        name=f"total_{number}",
        signature=f"def total_{number}(prices, tax)",
        original_string=code,
        code=code,
        documentation=f"Add up prices of basket {number}.",
        docstring=f"Add up prices of basket {number}.",
        sha=f"{number:016x}",
        start_line=1,
    ).to_json()


def figures(base: float, adapter: float) -> dict[str, Any]:
    def of(value: float) -> dict[str, Estimate]:
        return {name: Estimate(value, value - 0.1, value + 0.1) for name in ("MRR", "NDCG@10")}

    systems = {"bm25": of(0.4), "base": of(base), "mine": of(adapter)}
    gains = {"mine": of(adapter - base)}
    return {"queries": 60, "corpus": 900, "pools": 3, "systems": systems, "gains": gains}


def task(group: str, base: float, adapter: float) -> dict[str, Any]:
    row = figures(base, adapter)
    return {"about": group, "seconds": 1, "groups": {group: row}, "all": row, "macro": row}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work folder with mined functions, one run, a system made of it, and results."""
    work = tmp_path_factory.mktemp("export") / "work"
    for language in ("python", "go"):
        write_rows(work / "mined" / f"{language}.jsonl.gz", (function(n, language) for n in range(12)))
    system = work / "systems" / "mine"
    adapters(system, Path(BASE.folder), ["python", "text"], rank=8, strength=0.05)
    tensors = load_file(system / "python.safetensors")
    described = json.dumps({"run": "py", "factor": 0.5, "rank": 8})
    save_file(tensors, system / "python.safetensors", {"codesift": described})
    options = {"seed": 7, "preset": "ours", "languages": "python", "work": str(work), "start": "/a/b"}
    settings = {"options": options, "commit": "abc123", "date": "2026-11-22", "machine": "2 cores"}
    write_json(work / "runs" / "py" / "settings.json", settings)
    write_json(work / "runs" / "py" / "result.json", {"pairs": 12345, "seconds": 700})
    tasks = {"packages": task("python", 0.6, 0.7), "code2code": task("python-go", 0.5, 0.45)}
    write_tables(work / "results.json", tables_of(tasks))
    return work


@pytest.fixture
def work(shared: Path, tmp_path: Path) -> Path:
    """A copy a test may change."""
    return Path(shutil.copytree(shared, tmp_path / "work"))


def export(work: Path, to: Path, *more: str) -> int:
    system = str(work / "systems" / "mine")
    return main(["export", "--work", str(work), "--system", system, "--to", str(to), "--units", "10", *more])


@pytest.fixture(scope="module")
def exported(shared: Path) -> Path:
    to = shared.parent / "to"
    assert export(shared, to, "--figures", str(shared / "results.json")) == 0
    return to


def test_what_is_exported_is_a_system_the_tool_reads(work: Path, exported: Path) -> None:
    manifest = json.loads((exported / "adapters.json").read_text())
    assert set(manifest["text"]) == {"file", "sha256", "rank", "figures"} and manifest["base"] == DEFAULT
    gain = {"metric": "MRR", "base": 0.6, "adapter": 0.7}
    assert manifest["code"]["python"]["figures"] == gain
    before, after = (read_adapters(path) for path in (work / "systems" / "mine", exported))
    texts = ["def area(r): return 3.14 * r * r"]
    one, other = (open_encoder(space_for(BASE, system)).encode(texts, "python") for system in (before, after))
    assert np.array_equal(one, other)


def test_cards_say_from_what_how_and_with_which_losses(exported: Path) -> None:
    card = (exported / "python.md").read_text()
    for said in ("rank 8", "Apache-2.0", "run `py`", "times 0.5", "seed 7", "abc123", "pairs: 12,345"):
        assert said in card
    assert "| packages: MRR | 0.400 | 0.600 | 0.700 | +0.100" in card
    worse = card.partition("What got worse:")[2]
    assert "code2code, python-go: MRR -0.050" in worse and "packages" not in worse
    assert re.search(r"mean cosine 0\.999\d+", card) and "packages, listed" in card
    assert "/a/b" not in card and str(exported.parent) not in card
    assert "[python](python.md) | 8 | 0.600 | 0.700 | 2 |" in (exported / "CARD.md").read_text()


@pytest.mark.slow
def test_the_same_system_gives_the_same_bytes(work: Path, exported: Path, tmp_path: Path) -> None:
    assert export(work, tmp_path / "again", "--figures", str(work / "results.json")) == 0
    for path in exported.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes(), path.name
    settings = json.loads((work / "exports" / "again" / "settings.json").read_text())
    assert settings["agreement"]["python"]["mean"] >= 0.999


@pytest.mark.slow
def test_what_was_exported_before_is_replaced_as_a_whole(work: Path, exported: Path, tmp_path: Path) -> None:
    to = Path(shutil.copytree(exported, tmp_path / "to"))
    (work / "systems" / "mine" / "text.safetensors").unlink()
    adapters(work / "systems" / "mine", Path(BASE.folder), ["python"], strength=0.05)
    assert export(work, to) == 0
    files = ["CARD.md", "adapters.json", "python.md", "python.safetensors"]
    assert sorted(path.name for path in to.iterdir()) == files
    assert "Not measured" in (to / "python.md").read_text()


def test_figures_that_are_no_result_are_named(
    work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_json(tmp_path / "other.json", {"tasks": {}})
    assert export(work, tmp_path / "to", "--figures", str(tmp_path / "other.json")) == 1
    assert "other.json is no result of evaluate" in capsys.readouterr().err
    assert not (tmp_path / "to").exists()


def test_a_folder_with_other_things_is_left_alone(
    work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "letter.txt").write_text("dear")
    assert export(work, tmp_path / "to") == 1
    assert "is not replaced" in capsys.readouterr().err and (tmp_path / "to" / "letter.txt").is_file()


@pytest.mark.slow
def test_an_adapter_that_the_engine_renders_badly_is_refused(
    work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A change that dwarfs its matrix in one column: int8 has no room left for the rest."""
    path = work / "systems" / "mine" / "python.safetensors"
    tensors = load_file(path)
    for name in tensors:
        if name.endswith(".A"):
            tensors[name][:, 7] = 300
    save_file(tensors, path)
    assert export(work, tmp_path / "to") == 1
    assert "engine and torch differ for python" in capsys.readouterr().err
    assert not (tmp_path / "to").exists()


def test_what_is_too_large_or_unchecked_is_refused(
    work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    system = work / "systems" / "mine"
    adapters(system, Path(BASE.folder), ["python"], rank=128)
    assert export(work, tmp_path / "to") == 1
    assert "at most 1,500,000" in capsys.readouterr().err
    adapters(system, Path(BASE.folder), ["rust"])
    assert export(work, tmp_path / "to") == 1
    assert "no mined functions to check rust with (run mine first)" in capsys.readouterr().err
    assert not (tmp_path / "to").exists()
