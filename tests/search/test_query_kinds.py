"""What people type, by kind, asked of this project's own code through the installed command."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from indexes import lend
from installed import Run

ROOT = Path(__file__).parents[2]
FIRST = 3
MISSED_QUERIES = [("merge adapter weights", "merge")]
MISSED = pytest.mark.xfail(strict=True, reason="the network puts what merges adapters on loading first")
"""An answer further down is not seen."""
KINDS = {
    "question": [
        ("how does an interrupted index run continue", "store_files"),
        ("where are symbolic links kept from being followed", "open_regular"),
        ("how is a damaged graph file noticed before it is used", "Hnsw._is_as_saved"),
        ("what decides whether two functions are near-duplicates", "duplicates"),
    ],
    "keywords": [
        ("escape control characters terminal", "visible"),
        ("vector checksum", "vector_checksum"),
        ("merge adapter weights", "merge"),
    ],
    "symbol": [
        ("FullText", "FullText"),
        ("looks_like_code", "looks_like_code"),
        ("Catalog.put_file", "Catalog.put_file"),
    ],
    "beginning of a symbol": [("find_ro", "find_root"), ("looks_like", "looks_like_code")],
    "typing error": [("split_identifer", "split_identifier"), ("Catalgo", "Catalog")],
    "error message": [
        ("StorageError: cannot save the graph", "Hnsw._save"),
        ("the index index.db was written by another version of codesift (schema 0)", "check_head"),
        ("there is no index of /home/me/project", "IndexAccess._existing_folder"),
    ],
    "pasted code": [
        ("parts = [p.lower() for p in PATTERN.findall(name)]\nreturn parts\n", "split_identifier"),
        ("for start in range(0, len(items), 900):\n    yield items[start:start + 900]\n", "parts"),
        ("while chunk := f.read(1 << 20):\n    sha.update(chunk)\nreturn sha.hexdigest()\n", "file_digest"),
    ],
}
UNANSWERED = [
    "render a 3D mesh with ambient occlusion",
    "charge a credit card and issue a refund",
    "zzqx",
    "why?",
    "what is this",
]


@pytest.fixture(scope="module")
def indexed_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tool's own package with its index."""
    root = tmp_path_factory.mktemp("own")
    left_out = shutil.ignore_patterns("__pycache__", "adapters", "bases")
    shutil.copytree(ROOT / "codesift", root / "tool", ignore=left_out)
    program = Path(sys.executable).parent / "codesift"
    subprocess.run([program, "index", "--quiet"], cwd=root, check=True, timeout=300)
    return root


@pytest.fixture
def own_code(indexed_code: Path) -> Path:
    return lend(indexed_code)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("query", "answer"),
    [
        pytest.param(*row, id=f"{kind}: {row[1]}", marks=MISSED if row in MISSED_QUERIES else ())
        for kind, rows in KINDS.items()
        for row in rows
    ],
)
def test_what_people_type_is_answered_by_the_first_results(
    query: str, answer: str, own_code: Path, codesift: Run
) -> None:
    found = json.loads(
        codesift("query", "--json", "--no-refresh", "-k", FIRST, "--", query, cwd=own_code).stdout
    )
    assert answer in [result["qualified_name"] for result in found["results"]]
    assert found["matches"]


@pytest.mark.slow
@pytest.mark.parametrize("query", UNANSWERED)
def test_what_nothing_answers_is_said_not_to_match(query: str, own_code: Path, codesift: Run) -> None:
    found = json.loads(codesift("query", "--json", "--no-refresh", "--", query, cwd=own_code).stdout)
    assert found["results"] and not found["matches"]
    assert found["confidence"] < 0.5
