"""What `codesift models` shows: every base, and every adapter under its base."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from codesift import hub
from codesift.models import BASES, Base, chosen_space, shipped_adapters

if TYPE_CHECKING:
    from codesift.config import Settings
    from codesift.manifest import Adapter

Row = dict[str, Any]


def list_models(settings: Settings, root: Path) -> list[Row]:
    """A row for each base, its adapters below it; `in_use` is what the repository at `root` is encoded with.

    Raises:
        ModelError: if the model or the adapters of the settings cannot be found.
    """
    used = chosen_space(settings, root)
    rows: list[Row] = []
    for base in [*BASES.values(), *([] if used.base.name in BASES else [used.base])]:
        active = used.adapters.named() if base.name == used.base.name else {}
        rows.append(_base_row(base, base.name == used.base.name))
        shipped = list(shipped_adapters(base).named().values())
        others = [adapter for adapter in active.values() if adapter not in shipped]
        rows += [_adapter_row(base, adapter, adapter in active.values()) for adapter in shipped]
        rows += [_adapter_row(base, adapter, True, license=None) for adapter in others]
    return rows


def _base_row(base: Base, in_use: bool) -> Row:
    folder = base.folder or str(hub.cached(base.hub_id) or "")
    files = [path for path in Path(folder).iterdir() if path.is_file()] if folder else []
    return {
        "name": base.name,
        "language": "all",
        "in_use": in_use,
        "rank": None,
        "size_bytes": sum(path.stat().st_size for path in files) or None,
        "figures": {},
        "dimensions": base.dimensions,
        "license": base.license,
        "files": folder or None,
    }


def _adapter_row(base: Base, adapter: Adapter, in_use: bool, license: str | None = "Apache-2.0") -> Row:
    return {
        "name": adapter.name,
        "language": adapter.language or "other",
        "in_use": in_use,
        "rank": adapter.rank,
        "size_bytes": Path(adapter.path).stat().st_size,
        "figures": dict(adapter.figures),
        "dimensions": base.dimensions,
        "license": license,
        "files": adapter.path,
    }
