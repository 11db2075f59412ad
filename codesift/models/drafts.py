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
VALUES = "pieces"
"""Name of the tensor of vectors, one row for each token of the base model's tokenizer."""

SCALE = 400
"""Factor from the components of a vector of length 1 to the integers of a draft, cut at +-127. The components
of the vectors that drafts are fitted to are below 0.3."""


@dataclass(frozen=True, slots=True)
class DraftFile:
    """The table of a draft encoder."""

    path: Path
    sha256: str
    """Digest of the file, which is verified when it is loaded."""
    dimensions: int

    @property
    def id(self) -> str:
        """Distinguishes the drafts of two encoders."""
        return self.sha256[:32]


def draft_file(space: Space) -> DraftFile | None:
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
    return DraftFile(description.inside("file"), description.digest("sha256"), space.dimensions)
