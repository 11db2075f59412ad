"""Writing a draft encoder in the form that the tool reads."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codesift.encoders.weights import SCALES, quantise
from codesift.models.drafts import MANIFEST, SHIPPED, VALUES
from evaluation.files import write_json

if TYPE_CHECKING:
    from codesift.models.spaces import Space
    from codesift.types import Matrix

FILE = "draft.safetensors"


def ship(table: Matrix, space: Space, about: Mapping[str, Any], to: Path = SHIPPED) -> Path:
    """Write a table of word pieces, rounded to int8, with its description; return the folder.

    Args:
        table: shape (pieces, dimensions).
        space: the space that it was fitted to.
        about: data, command and figures, for the description.
        to: folder of all draft encoders.
    """
    from safetensors.numpy import save

    folder = to / Path(space.base.name).name
    folder.mkdir(parents=True, exist_ok=True)
    rounded = quantise(table)
    content = save({VALUES: rounded.values, VALUES + SCALES: rounded.scales})
    (folder / FILE).write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    write_json(folder / MANIFEST, {"space": space.id, "file": FILE, "sha256": digest, **about})
    return folder
