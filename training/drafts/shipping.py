"""Writing a draft encoder in the form that the tool reads."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codesift.encoders.weights import SCALES, quantise
from codesift.models.drafts import MANIFEST, PIECES, QUESTIONS, SHIPPED
from evaluation.files import write_json

if TYPE_CHECKING:
    from codesift.models.spaces import Space
    from codesift.types import Matrix


def ship(
    pieces: Matrix, questions: Matrix, space: Space, about: Mapping[str, Any], to: Path = SHIPPED
) -> Path:
    """Write both matrices of a draft encoder, rounded to int8, with their description; return the folder.

    Args:
        pieces: vectors of word pieces, shape (pieces, dimensions).
        questions: see `DraftFiles.questions`, shape (dimensions, dimensions).
        space: the space that they were fitted to.
        about: data, command and figures, for the description.
        to: folder of all draft encoders.
    """
    folder = to / Path(space.base.name).name
    folder.mkdir(parents=True, exist_ok=True)
    files = {PIECES: _write(folder, PIECES, pieces), QUESTIONS: _write(folder, QUESTIONS, questions)}
    write_json(folder / MANIFEST, {"space": space.id, **files, **about})
    return folder


def _write(folder: Path, name: str, matrix: Matrix) -> dict[str, str]:
    from safetensors.numpy import save

    rounded = quantise(matrix)
    content = save({name: rounded.values, name + SCALES: rounded.scales})
    (folder / f"{name}.safetensors").write_bytes(content)
    return {"file": f"{name}.safetensors", "sha256": hashlib.sha256(content).hexdigest()}
