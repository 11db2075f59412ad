"""Windows of real packages and their vectors by the adapted encoder: what a draft encoder is fitted to."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codesift.config import Settings
from codesift.models.template import windows_of
from codesift.repository.walk import walk
from codesift.types import SourceFile, Unit
from evaluation.files import read_rows, write_rows
from evaluation.units import units_of_file
from training.mining.extract import ROWS, UnpackedPackage
from training.mining.splits import Exclusions, code_digest

if TYPE_CHECKING:
    from codesift.types import Encoder, Matrix

UNITS_PER_PACKAGE = 90
"""Maximum number of units sampled from one package, so that no package outweighs the others."""
UNITS_PER_FILE = 6
WINDOWS_PER_UNIT = 2
CHUNK = 512
"""Windows that are encoded and written at once: what an interruption costs."""


@dataclass(frozen=True, slots=True)
class Text:
    """One window of a unit."""

    package: str
    project: str
    language: str
    kind: str
    text: str


def collect(packages: Sequence[UnpackedPackage], exclusions: Exclusions, folder: Path, jobs: int) -> None:
    """Write the sampled windows of each package to `folder/PACKAGE.jsonl.gz`, unless that is there.

    Args:
        packages: packages of one language.
        exclusions: units and projects that are left out.
        folder: of the language.
        jobs: processes.
    """
    waiting = [
        each for each in packages if not exclusions.project(each.name) and not _part(folder, each).exists()
    ]
    with ProcessPoolExecutor(jobs, get_context("spawn"), _start, (exclusions,)) as pool:
        for each, rows in zip(waiting, pool.map(sampled, waiting), strict=True):
            write_rows(_part(folder, each), map(asdict, rows))


def _part(folder: Path, package: UnpackedPackage) -> Path:
    return folder / f"{package.folder.name}.jsonl.gz"


_state: dict[str, Any] = {}


def _start(exclusions: Exclusions) -> None:
    from codesift.encoders import open_encoder
    from codesift.models.bases import find_base

    _state["exclusions"] = exclusions
    _state["encoder"] = open_encoder(find_base(Settings().model))


def sampled(package: UnpackedPackage) -> list[Text]:
    """Return windows of units drawn by lot, which depends on the names of files and units alone."""
    encoder: Encoder = _state["encoder"]
    units: list[tuple[float, str, Unit]] = []
    for file in _files(package):
        if len(units) >= UNITS_PER_PACKAGE:
            break
        found = [unit for unit in units_of_file(file, Settings()) if not _is_excluded(unit)]
        drawn = [(_lot(f"{file.path}:{unit.start_line}:{unit.end_line}"), file.path, unit) for unit in found]
        units += sorted(drawn, key=lambda each: each[0])[:UNITS_PER_FILE]
    rows = []
    for lot, path, unit in units[:UNITS_PER_PACKAGE]:
        windows = windows_of(encoder, path, unit)
        chosen = windows[:1] + windows[1:][: WINDOWS_PER_UNIT - 1]
        if len(windows) > WINDOWS_PER_UNIT:
            chosen[1] = windows[1 + int(lot * (len(windows) - 1))]
        rows += [Text(package.folder.name, package.repo, package.language, unit.kind, w.text) for w in chosen]
    return rows


def _files(package: UnpackedPackage) -> list[SourceFile]:
    """Return the files of the package's language that `codesift index` would index, drawn by lot."""
    files = walk(package.folder.resolve(), Settings()).files
    fitting = [file for file in files if ROWS.get(file.language, file.language) == package.language]
    return sorted(fitting, key=lambda file: _lot(file.path))


def _lot(name: str) -> float:
    digest = hashlib.sha256(name.encode("utf-8", "replace")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _is_excluded(unit: Unit) -> bool:
    hashes = _state["exclusions"].hashes
    return code_digest(unit.code) in hashes or code_digest(unit.documentation + unit.code) in hashes


# -- vectors --------------------------------------------------------------------------------------


def texts_of(folder: Path, language: str) -> list[Text]:
    """Return the windows collected for a language, in an order that mixes its packages."""
    rows = [Text(**row) for path in sorted((folder / language).glob("*.jsonl.gz")) for row in read_rows(path)]
    distinct = {row.text: row for row in rows}
    return sorted(distinct.values(), key=lambda row: _lot(row.text))


def encode_chunk(encoder: Encoder, texts: Sequence[Text], path: Path) -> None:
    """Write the vectors of some windows of one language, float16 of shape (windows, dimensions)."""
    import numpy as np

    order = sorted(range(len(texts)), key=lambda row: -len(texts[row].text))
    encoded = encoder.encode([texts[row].text for row in order], texts[0].language)
    vectors: Matrix = np.empty_like(encoded)
    vectors[order] = encoded
    partial = path.with_suffix(".partial")
    with partial.open("wb") as stream:
        np.save(stream, vectors.astype(np.float16))
    partial.replace(path)
