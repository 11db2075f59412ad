"""Vector spaces: a base model with its language adapters, and the id that no other pair has."""

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
    """A base with all its adapters. Vectors can be compared if and only if their spaces have the same id."""

    id: str
    dimensions: int
    base: Base
    adapters: Adapters = NO_ADAPTERS

    def adapter_for(self, language: str) -> Adapter | None:
        """The adapter that encodes code of a language (`text`: prose and queries); None is the bare base."""
        return self.adapters.for_language(language)

    def adapter_key(self, language: str) -> str:
        """Tells apart the vectors of the same text in two languages; empty for the bare base."""
        adapter = self.adapter_for(language)
        return adapter.sha256 if adapter else ""


def space_for(base: Base, adapters: Adapters | None = None) -> Space:
    """The space of a base and its adapters.

    Args:
        base: the model.
        adapters: None for those that codesift ships for the base.

    Raises:
        ModelError: if files cannot be found, or the adapters are of another base.
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
        ModelError: they were.
    """
    if adapters.base in BASES and base.name in BASES and adapters.base != base.name:
        raise ModelError(f"the adapters are for {adapters.base}, the model is {base.name}")


def shipped_adapters(base: Base) -> Adapters:
    """The adapters that come with codesift for a row of `BASES`; `NO_ADAPTERS` where there are none.

    Raises:
        ModelError: if they are incomplete.
    """
    manifest = SHIPPED / base.name / NAME
    return read_adapters(manifest) if base.name in BASES and manifest.is_file() else NO_ADAPTERS


def chosen_space(settings: Settings, root: Path) -> Space:
    """The space that the settings of the repository at `root` ask for.

    Raises:
        ModelError: if its model or adapters cannot be found.
    """
    return space_for(*chosen_models(settings, root))


def chosen_models(settings: Settings, root: Path) -> tuple[Base, Adapters]:
    """The base and the adapters that the settings ask for, without fetching or reading weights.

    Raises:
        ModelError: if one of them is unknown or described wrongly.
    """
    base = find_base(settings.model)
    if isinstance(settings.adapters, str):
        return base, read_adapters(root / expanded(settings.adapters))
    return base, shipped_adapters(base) if settings.adapters else NO_ADAPTERS
