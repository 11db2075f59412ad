"""Vector spaces: a base model with its language adapters, and the id that identifies the pair."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from codesift.errors import ModelError
from codesift.models.adapters import NAME, NO_ADAPTERS, Adapter, Adapters, read_adapters
from codesift.models.bases import BASES, Base, find_base, weights_digest
from codesift.models.files import expanded
from codesift.models.template import TEMPLATE_VERSION

if TYPE_CHECKING:
    from codesift.config import Settings

SHIPPED = Path(__file__).parents[1] / "adapters"


@dataclass(frozen=True, slots=True)
class Space:
    """A base with all its adapters. Vectors are comparable if and only if their spaces have the same id."""

    id: str
    dimensions: int
    base: Base
    adapters: Adapters = NO_ADAPTERS

    def adapter_for(self, language: str) -> Adapter | None:
        """Return the adapter for a language (`text` for prose and queries); None for the bare base."""
        return self.adapters.for_language(language)

    def adapter_key(self, language: str) -> str:
        """Return a key that distinguishes the vectors of one text in two languages; empty for the bare
        base."""
        adapter = self.adapter_for(language)
        return adapter.sha256 if adapter else ""


def space_for(base: Base, adapters: Adapters | None = None) -> Space:
    """Return the space of a base and its adapters.

    Args:
        base: the base model.
        adapters: None for the adapters that codesift ships for the base.

    Raises:
        ModelError: files are missing, or the adapters were trained on another base.
    """
    adapters = shipped_adapters(base) if adapters is None else adapters
    check_pair(base, adapters)
    parts = (
        weights_digest(base),
        adapters.identity(),
        TEMPLATE_VERSION,
        base.pooling,
        str(base.window),
        *base.prefix,
        *base.suffix,
    )
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return Space(digest[:32], base.dimensions, base, adapters)


def check_pair(base: Base, adapters: Adapters) -> None:
    """Check that the adapters were not trained on another row of `BASES`.

    Raises:
        ModelError: they were trained on another row.
    """
    if adapters.base in BASES and base.name in BASES and adapters.base != base.name:
        raise ModelError(f"the adapters are for {adapters.base}, the model is {base.name}")


def shipped_adapters(base: Base) -> Adapters:
    """Return the adapters that codesift ships for a row of `BASES`; `NO_ADAPTERS` if there are none.

    Raises:
        ModelError: they are incomplete.
    """
    manifest = SHIPPED / base.name / NAME
    return read_adapters(manifest) if base.name in BASES and manifest.is_file() else NO_ADAPTERS


def chosen_space(settings: Settings, root: Path) -> Space:
    """Return the space that the settings of the repository at `root` select.

    Raises:
        ModelError: its model or adapters cannot be found.
    """
    return space_for(*chosen_models(settings, root))


def chosen_models(settings: Settings, root: Path) -> tuple[Base, Adapters]:
    """Return the base and the adapters that the settings select, without downloading or reading weights.

    Raises:
        ModelError: one of them is unknown or described wrongly.
    """
    base = find_base(settings.model)
    if isinstance(settings.adapters, str):
        return base, read_adapters(root / expanded(settings.adapters))
    return base, shipped_adapters(base) if settings.adapters else NO_ADAPTERS
