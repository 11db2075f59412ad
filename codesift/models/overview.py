"""The table of `codesift models`: every base, and every adapter below its base."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from codesift.errors import ModelError
from codesift.models import hub
from codesift.models.bases import BASES, Base
from codesift.models.files import reason_of
from codesift.models.spaces import check_pair, chosen_models, shipped_adapters

if TYPE_CHECKING:
    from codesift.config import Settings
    from codesift.models.adapters import Adapter

ModelRow = dict[str, Any]


def list_models(settings: Settings, root: Path) -> list[ModelRow]:
    """List each base with its adapters below it; those that the repository at `root` is encoded with are
    `in_use`.

    A base that is not on this machine is listed without size and files; nothing is downloaded.

    Raises:
        ModelError: the model or the adapters of the settings cannot be found.
    """
    used, adapters = chosen_models(settings, root)
    check_pair(used, adapters)
    rows: list[ModelRow] = []
    for base in [*BASES.values(), *([] if used.name in BASES else [used])]:
        active = adapters.named() if base.name == used.name else {}
        rows.append(_base_row(base, base.name == used.name))
        shipped = list(shipped_adapters(base).named().values())
        others = [adapter for adapter in active.values() if adapter not in shipped]
        rows += [_adapter_row(base, adapter, adapter in active.values()) for adapter in shipped]
        rows += [_adapter_row(base, adapter, True, license=None) for adapter in others]
    return rows


def _base_row(base: Base, in_use: bool) -> ModelRow:
    folder = base.folder or str(hub.cached(base.hub_id) or "")
    return {
        "name": base.name,
        "language": "all",
        "in_use": in_use,
        "rank": None,
        "size_bytes": _size_of(Path(folder)) if folder else None,
        "figures": {},
        "dimensions": base.dimensions,
        "license": base.license,
        "files": folder or None,
    }


def _adapter_row(base: Base, adapter: Adapter, in_use: bool, license: str | None = "Apache-2.0") -> ModelRow:
    return {
        "name": adapter.name,
        "language": adapter.language or "other",
        "in_use": in_use,
        "rank": adapter.rank,
        "size_bytes": _size_of(Path(adapter.path)),
        "figures": dict(adapter.figures),
        "dimensions": base.dimensions,
        "license": license,
        "files": adapter.path,
    }


def _size_of(path: Path) -> int | None:
    """Return the bytes of a file, or of the files in a folder; None if there are none."""
    try:
        files = [file for file in path.iterdir() if file.is_file()] if path.is_dir() else [path]
        return sum(file.stat().st_size for file in files) or None
    except OSError as error:
        raise ModelError(f"cannot read {path}: {reason_of(error)}") from error
