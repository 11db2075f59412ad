"""The local cache of the model hub, and downloads into it. This module loads no torch."""

from __future__ import annotations

import hashlib
import os
import re
from importlib.util import find_spec
from pathlib import Path

from codesift.errors import ModelError
from codesift.models.files import WEIGHTS_LIMIT, expanded, is_file, open_bounded, read_bounded, reason_of

WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
"""Patterns of files with weights, the preferred format first."""
_EXTRA = ("torch", "transformers", "huggingface_hub")
_REVISION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,254}")


def cached(hub_id: str) -> Path | None:
    """Return the snapshot of a model in the local cache of the hub, if it is complete."""
    store = _cache() / ("models--" + hub_id.replace("/", "--"))
    try:
        revision = read_bounded(store / "refs" / "main", 1000).decode("ascii", "replace").strip()
    except ModelError:
        return None
    if not _REVISION.fullmatch(revision):
        return None
    folder = store / "snapshots" / revision
    return folder if is_file(folder / "config.json") and weight_files(folder) else None


def download(hub_id: str) -> Path:
    """Download a model to the local cache of the hub, without the user's token; return its folder.

    Raises:
        ModelError: the extra for hub models is not installed, or the model cannot be downloaded.
    """
    # This is checked first: half a gigabyte is not worth downloading for a model that cannot be loaded.
    if any(find_spec(name) is None for name in _EXTRA):
        raise ModelError(f"{hub_id} needs torch", "pip install 'codesift[torch]'")
    try:
        return _fetch(hub_id)
    # If the hub is not reachable, its client raises errors of several libraries.
    except Exception as error:
        raise ModelError(
            f"{hub_id} is not in the local cache and could not be downloaded ({type(error).__name__})",
            "download it where the hub can be reached, and give its folder as the model",
        ) from error


def _fetch(hub_id: str) -> Path:
    from huggingface_hub import constants, snapshot_download

    # There is no parameter for this. Otherwise each request would first load a list of AI agents from the
    # hub, and report which of them runs this process, and the version of torch.
    constants.HF_HUB_DISABLE_TELEMETRY = True
    # `token=False` keeps the token of `hf auth login` and HF_TOKEN here: every row of BASES is public.
    return Path(snapshot_download(hub_id, allow_patterns=["*.json", "*.txt", *WEIGHTS], token=False))


def weight_files(folder: Path) -> list[Path]:
    """Return the files with a model's weights, in one format; empty if there are none."""
    return next((files for pattern in WEIGHTS if (files := sorted(folder.glob(pattern)))), [])


def file_digest(path: Path, limit: int = WEIGHTS_LIMIT) -> str:
    """Compute the sha256 of a file, in hexadecimal digits.

    Raises:
        ModelError: it cannot be read, is no regular file, or is larger than `limit` bytes.
    """
    with open_bounded(path, limit) as file:
        # In the cache of the hub, the blob of a large file has its sha256 as its name, so that 500 MB are not
        # read at each start.
        blob = path.resolve().name
        if path.is_symlink() and len(blob) == 64 and set(blob) <= set("0123456789abcdef"):
            return blob
        digest = hashlib.sha256()
        try:
            # A file may grow while it is read.
            while (chunk := file.read(1 << 20)) and file.tell() <= limit:
                digest.update(chunk)
        except OSError as error:
            raise ModelError(f"cannot read {path}: {reason_of(error)}") from error
    return digest.hexdigest()


def _cache() -> Path:
    if path := os.environ.get("HF_HUB_CACHE"):
        return expanded(path)
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "huggingface"
    return expanded(str(home)) / "hub"
