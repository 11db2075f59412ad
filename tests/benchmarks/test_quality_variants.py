"""codesift as one of the systems of the quality benchmark, with an encoder without a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fakes import HashingEncoder, write

from benchmarks.quality import variants
from benchmarks.quality.systems import Ranking, Result, Searcher
from benchmarks.quality.variants import VARIANTS, Codesift, Variant


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "sources" / "shop"
    write(
        root,
        "cart.py",
        "def add_article(basket, article):\n    basket.lines.append(article)\n    return basket\n",
    )
    write(
        root,
        "other.py",
        "def add_customer(people, article):\n    people.lines.append(article)\n    return people\n",
    )
    return root


def codesift(variant: Variant, work: Path) -> Codesift:
    encoder = HashingEncoder()
    return Codesift(variant, work, lambda space: encoder)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_every_variant_answers_with_a_confidence(variant: Variant, repository: Path, tmp_path: Path) -> None:
    found: Ranking = codesift(variant, tmp_path / "work").on(
        repository, lambda s: s.ask("article into the basket")
    )
    assert found.results[0] == Result("cart.py", 1, 3)
    assert found.confidence is not None and 0 < found.confidence <= 1.0001
    assert not found.nothing


def test_a_version_says_what_its_answers_depend_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = codesift(VARIANTS[0], tmp_path)
    before = system.version
    assert before == codesift(VARIANTS[1], tmp_path).version
    (tmp_path / "folds.json").write_text("{}")
    monkeypatch.setattr(variants, "FOLDS", tmp_path / "folds.json")
    assert system.version.split()[:2] == before.split()[:2] and system.version != before


def test_similar_is_answered_by_vectors_alone(repository: Path, tmp_path: Path) -> None:
    found = {}
    for variant in VARIANTS[:3]:
        system = codesift(variant, tmp_path / "work")
        found[variant.name] = system.on(repository, lambda s: s.alike(Result("cart.py", 1, 3)))
    assert found["codesift-words"] is None
    assert found["codesift"] is not None
    assert found["codesift"].results == (Result("other.py", 1, 3),)


def test_the_repository_itself_gets_no_index_and_the_copy_is_indexed_once(
    repository: Path, tmp_path: Path
) -> None:
    system = codesift(VARIANTS[0], tmp_path / "work")

    def seconds(searcher: Searcher) -> float:
        return searcher.index_seconds

    first = system.on(repository, seconds)
    assert system.on(repository, seconds) == pytest.approx(first, abs=1e-3)
    assert sorted(path.name for path in repository.iterdir()) == ["cart.py", "other.py"]


def test_without_windows_each_unit_has_one_vector(tmp_path: Path) -> None:
    root = tmp_path / "sources" / "long"
    write(root, "a.py", "def long(total):\n" + "".join(f"    total += {n}\n" for n in range(60)))

    def windows(searcher: Any) -> int:
        (unit,) = searcher.index.catalog.units_of("a.py")
        return len(searcher.index.primary.vectors.of_unit(unit.unit_id))

    named = {variant.name: codesift(variant, tmp_path / "work") for variant in VARIANTS}
    assert named["codesift"].on(root, windows) > 1 == named["codesift-no-windows"].on(root, windows)
