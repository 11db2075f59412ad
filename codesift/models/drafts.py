"""Draft encoders: which file holds the one of a space."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from codesift.models.files import read_object

if TYPE_CHECKING:
    from codesift.models.spaces import Space

SHIPPED = Path(__file__).parents[1] / "drafts"
MANIFEST = "draft.json"
PIECES, QUESTIONS = "pieces", "questions"
"""Names of the two matrices, see `DraftFiles`."""

SCALE = 400
"""Factor from the components of a vector of length 1 to the integers of a draft, cut at +-127. The components
of the vectors that drafts are fitted to are below 0.3."""


@dataclass(frozen=True, slots=True)
class TableFile:
    """A matrix of a draft encoder, rounded to int8."""

    path: Path
    sha256: str
    """Digest of the file, which is verified when it is loaded."""
    name: str
    """Name of the tensor."""
    dimensions: int
    """Length of a row."""


@dataclass(frozen=True, slots=True)
class DraftFiles:
    """The files of a draft encoder."""

    pieces: TableFile
    """One vector for each token of the base model's tokenizer."""
    questions: TableFile
    """A square matrix: what is added to a question's vector is the product with it."""

    @property
    def id(self) -> str:
        """Distinguishes the drafts of two encoders."""
        return self.pieces.sha256[:32]


def draft_files(space: Space) -> DraftFiles | None:
    """Return the draft encoder that codesift ships for a space; None if there is none.

    Raises:
        ModelError: its description is damaged.
    """
    manifest = SHIPPED / Path(space.base.name).name / MANIFEST
    if not manifest.is_file():
        return None
    description = read_object(manifest)
    if description.text("space") != space.id:
        return None

    def table(name: str) -> TableFile:
        values = description.part(name)
        return TableFile(values.inside("file"), values.digest("sha256"), name, space.dimensions)

    return DraftFiles(table(PIECES), table(QUESTIONS))
