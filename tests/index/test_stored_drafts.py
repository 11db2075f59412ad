"""Drafts in the database: stored with their units, searched, filled in where they are missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fakes import DraftsOnly, HashingEncoder, opened, repository_of, run_index, write

from codesift.config import Settings
from codesift.errors import DamagedIndexError
from codesift.index.examination import examine
from codesift.index.opening import Index

FILES = {
    "sea/tide.py": "def tide():\n    return 'high water'\n\n\ndef ebb():\n    return 'low water'\n",
    "quay.py": "class Quay:\n    length = 3\n\n    def moor(self):\n        return 'rope and bollard'\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for path, text in FILES.items():
        write(tmp_path, path, text)
    with repository_of(tmp_path, DraftsOnly()) as repository:
        report = repository.refresh("words")
    assert (report.units, report.embedded) == (4, 0)
    return tmp_path


def nearest(index: Index, text: str, **selected: object) -> list[str]:
    vector = HashingEncoder().encode_query(text)
    selection = index.catalog.select(selected.get("files"), selected.get("kinds", ()))  # type: ignore[arg-type]
    found = index.primary.drafts.nearest([vector], 2, selection)
    hits = index.catalog.hits(unit_id for unit_id, _ in found)
    assert [cosine for _, cosine in found] == sorted((cosine for _, cosine in found), reverse=True)
    return [hits[unit_id].name for unit_id, _ in found]


def test_units_are_found_by_their_drafts_before_anything_is_encoded(root: Path) -> None:
    with opened(root) as index:
        assert nearest(index, "rope bollard moor")[0] == "moor"
        assert nearest(index, "low water")[0] == "ebb"
        assert not index.primary.drafts.are_missing()


def test_a_selection_is_kept_to(root: Path) -> None:
    with opened(root) as index:
        file = index.catalog.file("sea/tide.py")
        assert file
        assert set(nearest(index, "rope bollard", files=[file.id])) == {"tide", "ebb"}
        assert nearest(index, "low water", kinds=("class",)) == ["Quay"]


def test_the_vectors_of_units_are_those_that_are_searched(root: Path) -> None:
    vector = HashingEncoder().encode_query("low water")
    with opened(root) as index:
        drafts = index.primary.drafts
        found = dict(drafts.nearest([vector], 10))
        assert drafts.cosines([vector], found) == pytest.approx(found)
        ids, matrix = drafts.matrix()
        assert ids.tolist() == sorted(found) and np.allclose(np.linalg.norm(matrix, axis=1), 1)
        assert np.allclose(drafts.of_unit(int(ids[0])), matrix[0])


def test_a_file_that_changes_or_goes_takes_its_drafts_along(root: Path) -> None:
    write(root, "sea/tide.py", "def surf():\n    return 'breaking wave'\n")
    (root / "quay.py").unlink()
    with repository_of(root, DraftsOnly()) as repository:
        repository.refresh("words")
    with opened(root) as index:
        assert nearest(index, "rope bollard moor") == ["surf"]
        assert index.database.value("SELECT count(*) FROM drafts") == 1


def test_drafts_that_are_missing_are_made_from_the_stored_words(root: Path) -> None:
    with opened(root) as index:
        before = index.primary.drafts.matrix()[1]
        index.database.run("DELETE FROM drafts WHERE file_id = 1")
        assert index.primary.drafts.are_missing()
    with repository_of(root, DraftsOnly()) as repository:
        assert repository.refresh("words").parsed == 0
    with opened(root) as index:
        assert (index.primary.drafts.matrix()[1] == before).all()


def test_a_space_without_a_draft_encoder_has_no_drafts(tmp_path: Path) -> None:
    for path, text in FILES.items():
        write(tmp_path, path, text)
    settings = Settings(adapters=False)
    run_index(tmp_path, HashingEncoder(), settings)
    with opened(tmp_path, settings) as index:
        assert not index.primary.drafts.any() and not index.primary.drafts.are_missing()
        assert index.primary.drafts.nearest([HashingEncoder().encode_query("low water")], 5) == []


@pytest.mark.parametrize("change", ["data = zeroblob(384)", "first_unit = 2", "checksum = 7"])
def test_damaged_drafts_are_noticed_and_made_again(root: Path, change: str) -> None:
    with opened(root) as index:
        before = index.primary.drafts.matrix()[1]
        index.database.run(f"UPDATE drafts SET {change} WHERE file_id = 1")
        with pytest.raises(DamagedIndexError):
            index.primary.drafts.matrix()
        assert len(examine(index.database).drafts) == 1
    said: list[str] = []
    with repository_of(root, HashingEncoder(), None, said.append) as repository:
        repository.query("low water")
        assert (repository.on_index(lambda index: index.primary.drafts.matrix()[1]) == before).all()
    assert len(said) == 1
