"""The documents name files that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *(ROOT / room / "README.md" for room in ("training", "benchmarks")),
]
NAMED = re.compile(
    r"(?<![\w/.-])((?:codesift|evaluation|training|benchmarks|tests|docs)/[\w./*-]+\.(?:py|json|md|sql))"
)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_that_a_document_names_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    # Samples of output show other repositories, or lines that have moved since.
    prose = re.sub(r"^```\n.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    missing = {name for name in NAMED.findall(prose) if not any(ROOT.glob(name))}
    assert not missing
