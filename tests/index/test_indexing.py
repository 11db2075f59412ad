"""An index is brought in step with its repository, and nothing is done twice."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from fakes import DraftsOnly, HashingEncoder, no_progress, opened, refuse, repository_of, run_index, write
from numpy.typing import NDArray

from codesift.config import Settings
from codesift.index.embed import OpenEncoder
from codesift.session import Repository
from codesift.types import Encoder, Progress, Report

TIDE = "def tide():\n    return 'high water'\n\n\ndef ebb():\n    return 'low water'\n"
QUAY = "def moor():\n    return 'rope'\n"


@pytest.fixture
def encoder() -> HashingEncoder:
    return HashingEncoder()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path, "sea/tide.py", TIDE)
    write(tmp_path, "quay.py", QUAY)
    settle(tmp_path)
    return tmp_path


def settle(root: Path) -> None:
    """Make files old enough for their times to be believed."""
    before = time.time() - 60
    for path in root.rglob("*.py"):
        os.utime(path, (before, before))


def update(
    root: Path,
    open_encoder: OpenEncoder,
    progress: Progress = no_progress,
    settings: Settings | None = None,
) -> Report:
    """One update of an index that is there."""
    with Repository(root, settings or Settings(), None, progress, open_encoder) as repository:
        return repository.refresh()


def names(root: Path) -> list[str]:
    with opened(root) as index:
        return [hit.name for row in index.catalog.files() for hit in index.catalog.units_of(row.path)]


def content(root: Path) -> dict[tuple[str, str, int, int], list[bytes]]:
    """What an index says, without its ids."""
    with opened(root) as index:
        return {
            (hit.path, hit.qualified_name, hit.start_line, hit.end_line): [
                vector.tobytes() for vector in index.primary.vectors.of_unit(hit.unit_id)
            ]
            for row in index.catalog.files()
            for hit in index.catalog.units_of(row.path)
        }


def test_the_first_run_stores_every_unit_with_a_vector(root: Path, encoder: HashingEncoder) -> None:
    report = run_index(root, encoder)
    assert (report.files, report.units, report.parsed, report.embedded, report.reused) == (2, 3, 2, 3, 0)
    assert names(root) == ["moor", "tide", "ebb"]
    with opened(root) as index:
        assert index.primary.vectors.ready() == 3 and index.primary.vectors.pending() == []
        vectors = index.primary.vectors.of_unit(1)
    assert [vector.shape for vector in vectors] == [(encoder.dimensions,)]
    assert float(np.linalg.norm(vectors[0])) == pytest.approx(1, abs=1e-2)


def test_the_second_run_opens_no_encoder(root: Path, encoder: HashingEncoder) -> None:
    run_index(root, encoder)
    report = update(root, refuse)
    assert (report.parsed, report.embedded, report.removed, report.units) == (0, 0, 0, 3)


def test_only_the_text_that_changed_is_embedded(root: Path, encoder: HashingEncoder) -> None:
    run_index(root, encoder)
    write(root, "sea/tide.py", TIDE.replace("low water", "shallow"))
    encoder.encoded.clear()
    report = run_index(root, encoder)
    assert (report.parsed, report.embedded, report.reused, report.units) == (1, 1, 1, 3)
    assert len(encoder.encoded) == 1 and "shallow" in encoder.encoded[0]


def test_of_a_long_unit_only_the_windows_that_changed_are_embedded(
    root: Path, encoder: HashingEncoder
) -> None:
    long = "def long():\n" + "".join(f"    step_{number}()\n" for number in range(100))
    write(root, "long.py", long)
    windows = run_index(root, encoder).embedded - 3
    assert windows > 5
    write(root, "long.py", long.replace("step_99", "the_end"))
    report = run_index(root, encoder)
    assert (report.embedded, report.reused) == (1, windows - 1)


def test_lines_pushed_down_cost_no_embedding_and_are_found_where_they_are(
    root: Path, encoder: HashingEncoder
) -> None:
    run_index(root, encoder)
    write(root, "quay.py", "\n\n\n" + QUAY)
    assert run_index(root, encoder).embedded == 0
    with opened(root) as index:
        assert index.catalog.units_of("quay.py")[0].start_line == 4


def test_a_file_touched_but_unchanged_is_not_parsed_again(root: Path, encoder: HashingEncoder) -> None:
    run_index(root, encoder)
    os.utime(root / "quay.py", (1, 1))
    report = run_index(root, encoder)
    assert (report.parsed, report.embedded, report.reused) == (0, 0, 0)


def test_a_change_that_leaves_size_and_time_is_seen(root: Path, encoder: HashingEncoder) -> None:
    run_index(root, encoder)
    before = (root / "quay.py").stat()
    write(root, "quay.py", QUAY.replace("rope", "wire"))
    os.utime(root / "quay.py", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert run_index(root, encoder).embedded == 1


def test_a_moved_file_costs_no_embedding(root: Path, encoder: HashingEncoder) -> None:
    run_index(root, encoder)
    (root / "old").mkdir()
    (root / "quay.py").rename(root / "old" / "quay.py")
    report = run_index(root, encoder)
    assert (report.embedded, report.reused, report.removed, report.files) == (0, 1, 1, 2)


def test_what_comes_back_from_another_branch_costs_no_embedding(root: Path, encoder: HashingEncoder) -> None:
    run_index(root, encoder)
    (root / "quay.py").unlink()
    assert run_index(root, encoder).units == 2
    write(root, "quay.py", QUAY)
    report = run_index(root, encoder)
    assert (report.embedded, report.reused, report.units) == (0, 1, 3)


def test_a_deleted_file_leaves_no_trace_in_either_search(root: Path, encoder: HashingEncoder) -> None:
    run_index(root, encoder)
    (root / "quay.py").unlink()
    assert run_index(root, encoder).removed == 1
    with opened(root) as index:
        assert index.full_text.best(["rope"], (1, 1, 1, 1), 10) == []
        assert index.primary.vectors.ready() == 2
    assert names(root) == ["tide", "ebb"]


def test_equal_texts_share_one_vector(root: Path, encoder: HashingEncoder) -> None:
    write(root, "copy/quay.py", QUAY)
    report = run_index(root, encoder)
    assert (report.units, report.embedded) == (4, 3)
    assert len(encoder.encoded) == len(set(encoder.encoded)) == 3


def test_left_out_files_are_counted_by_reason(root: Path, encoder: HashingEncoder) -> None:
    (root / "data.bin").write_bytes(b"\0\1\2" * 100)
    write(root, "big.py", "x = 1\n" * 1000)
    settings = Settings(max_file_size=5000)
    report = run_index(root, encoder, settings)
    assert report.files == 2 and sum(report.skipped.values()) == 2
    assert run_index(root, encoder, settings).skipped == report.skipped


def test_another_size_limit_looks_again_at_what_was_left_out(root: Path, encoder: HashingEncoder) -> None:
    write(root, "big.py", "x = 1\n" * 1000)
    assert run_index(root, encoder, Settings(max_file_size=5000)).files == 2
    assert run_index(root, encoder, Settings()).files == 3


def test_step_by_step_ends_with_the_same_index_as_at_once(
    root: Path, tmp_path_factory: pytest.TempPathFactory, encoder: HashingEncoder
) -> None:
    run_index(root, encoder)
    write(root, "sea/tide.py", TIDE.replace("low water", "shallow"))
    run_index(root, encoder)
    write(root, "new.py", "class Buoy:\n    def ring(self):\n        return 'bell'\n")
    (root / "quay.py").unlink()
    run_index(root, encoder)
    fresh = tmp_path_factory.mktemp("fresh")
    for path in ("sea/tide.py", "new.py"):
        write(fresh, path, (root / path).read_text(encoding="utf-8"))
    run_index(fresh, encoder)
    assert content(root) == content(fresh)


class Interrupting(HashingEncoder):
    """Ctrl-C when it is asked to encode."""

    def encode(self, texts: Sequence[str], language: str = "") -> NDArray[np.float32]:
        raise KeyboardInterrupt


def test_an_interrupted_run_can_be_searched_by_words_and_is_finished_by_the_next(
    root: Path, encoder: HashingEncoder
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_index(root, Interrupting())
    with opened(root) as index:
        assert index.full_text.best(["rope"], (1, 1, 1, 1), 10) and index.primary.vectors.ready() == 0
    report = run_index(root, encoder)
    assert (report.parsed, report.embedded, report.units) == (0, 3, 3)


def test_a_file_that_changes_between_parsing_and_embedding_is_left_to_the_next_run(
    root: Path, encoder: HashingEncoder
) -> None:
    def change(space: object) -> Encoder:
        write(root, "quay.py", QUAY.replace("rope", "wire"))
        return encoder

    update(root, change)
    with opened(root) as index:
        assert index.primary.vectors.ready() == 2
    assert not any("wire" in text or "rope" in text for text in encoder.encoded)
    report: Report = run_index(root, encoder)
    assert (report.parsed, report.embedded) == (1, 1)


def test_progress_ends_each_stage_at_its_total(root: Path, encoder: HashingEncoder) -> None:
    last: dict[str, tuple[int, int]] = {}

    def note(stage: str, done: int, total: int) -> None:
        assert done >= last.get(stage, (0, 0))[0]
        last[stage] = done, total

    update(root, lambda space: encoder, note, Settings(ann_from=1))
    assert set(last) >= {"parse", "embed", "graph"}
    assert all(done == total for done, total in last.values())


def test_code_that_comes_back_is_found_by_its_vector_again(root: Path, encoder: HashingEncoder) -> None:
    """As after switching to another branch and back: the matrix was written without it in between."""
    for number in range(20):
        write(root, f"net/{number}.py", f"def net{number}():\n    return 'mesh {number}'\n")
    settle(root)
    run_index(root, encoder)
    (root / "net").rename(root.parent / "away")
    for number in range(25):
        write(root, f"new/{number}.py", f"def new{number}():\n    return 'fresh {number}'\n")
    run_index(root, encoder)
    (root.parent / "away").rename(root / "net")
    report = run_index(root, encoder)
    assert (report.embedded, report.reused) == (0, 20)
    with opened(root) as index:
        for row in index.catalog.files():
            for hit in index.catalog.units_of(row.path):
                (vector,) = index.primary.vectors.of_unit(hit.unit_id)
                found = [vector_id for vector_id, _ in index.primary.neighbors.search(vector, 5)]
                near = index.primary.vectors.matches(found)
                assert hit.unit_id in {match.unit_id for matches in near.values() for match in matches}


def test_vectors_that_nobody_uses_do_not_outnumber_those_in_use(root: Path, encoder: HashingEncoder) -> None:
    for edit in range(30):
        write(root, "quay.py", QUAY.replace("rope", f"rope {edit}"))
        write(root, "sea/tide.py", TIDE.replace("water", f"water {edit}"))
        run_index(root, encoder)
    with opened(root) as index:
        used, _ = index.primary.vectors.usage(10**9)
        assert used == 3 and index.database.value("SELECT count(*) FROM vectors") <= 2 * used


def test_each_stage_can_be_asked_for_alone(root: Path, encoder: HashingEncoder) -> None:
    with repository_of(root, DraftsOnly()) as repository:
        report = repository.refresh("words")
        assert (report.parsed, report.units, report.embedded) == (2, 3, 0)
    with opened(root) as index:
        assert index.full_text.best(["rope"], (1, 1, 1, 1), 10) and index.primary.vectors.ready() == 0
        wanted = [hit.unit_id for hit in index.catalog.units_of("sea/tide.py") if hit.name == "ebb"]
    with repository_of(root, encoder) as repository:
        assert repository.embed(wanted).embedded == 1
        assert repository.embed(wanted).embedded == 0
    assert len(encoder.encoded) == 1 and "low water" in encoder.encoded[0]
    with opened(root) as index:
        assert [file.waiting for file in index.primary.vectors.pending()] == [{1}, {2}]
    with repository_of(root, encoder) as repository:
        report = repository.refresh("vectors")
    assert (report.parsed, report.embedded, report.units) == (0, 2, 3)


def test_another_grammar_version_parses_every_file_again(
    root: Path, encoder: HashingEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_index(root, encoder)
    assert run_index(root, encoder).parsed == 0
    monkeypatch.setattr("codesift.index.plan.parser_version", lambda: "another")
    report = run_index(root, encoder)
    assert (report.parsed, report.embedded, report.reused) == (2, 0, 3)


def test_a_first_run_interrupted_while_it_parses_goes_on_from_there(
    root: Path, encoder: HashingEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        write(root, f"n{number}.py", f"def net{number}():\n    return 'mesh {number}'\n")
    monkeypatch.setattr("codesift.index.files._UNITS_PER_COMMIT", 2)

    def interrupt(stage: str, done: int, total: int) -> None:
        if stage == "parse" and done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        update(root, lambda space: DraftsOnly(), interrupt)
    report = run_index(root, encoder)
    assert (report.parsed, report.files) == (4, 8)
    assert run_index(root, encoder).parsed == 0
