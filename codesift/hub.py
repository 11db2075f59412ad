"""Where a model hub's files lie on this machine, and how they get there. Loads no torch."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from codesift.errors import ModelError

WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
"""What holds weights, the preferred form first."""


def cached(hub_id: str) -> Path | None:
    """The snapshot of a model in the hub's local cache, if it is whole."""
    store = _cache() / ("models--" + hub_id.replace("/", "--"))
    try:
        revision = (store / "refs" / "main").read_text(encoding="utf-8").strip()
    except OSError:
        return None
    folder = store / "snapshots" / revision
    return folder if (folder / "config.json").is_file() and weight_files(folder) else None


def download(hub_id: str) -> Path:
    """Fetch a model into the hub's local cache; returns its folder.

    Raises:
        ModelError: if the hub's client is not installed or the model cannot be had.
    """
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise ModelError(f"{hub_id} needs torch", "pip install 'codesift[torch]'") from error
    try:
        return Path(snapshot_download(hub_id, allow_patterns=["*.json", "*.txt", *WEIGHTS]))
    # The hub's client raises errors of several libraries for "not reachable"; all mean the same here.
    except Exception as error:
        raise ModelError(
            f"{hub_id} is not in the local cache and could not be downloaded ({type(error).__name__})",
            "download it where the hub can be reached, and give its folder as the model",
        ) from error


def weight_files(folder: Path) -> list[Path]:
    """The files with a model's weights, in one form; empty if there are none."""
    return next((found for pattern in WEIGHTS if (found := sorted(folder.glob(pattern)))), [])


def file_digest(path: Path) -> str:
    """The sha256 of a file, in hexadecimal digits."""
    # The hub's cache names a large file's blob by its sha256, so 500 MB need not be read at each start.
    blob = path.resolve().name
    if path.is_symlink() and len(blob) == 64 and set(blob) <= set("0123456789abcdef"):
        return blob
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _cache() -> Path:
    if path := os.environ.get("HF_HUB_CACHE"):
        return Path(path).expanduser()
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "huggingface"
    return Path(home).expanduser() / "hub"
