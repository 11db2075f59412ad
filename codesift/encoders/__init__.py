"""Text -> vectors: tokens, windows, and inference engines behind one port.

A caller gets an `Encoder` of a space from `open_encoder`, which alone chooses engines; what may come in is a
space of `codesift.models` and plain text. A new engine is one file behind `engine.Engine` and a line here.
Importing this package loads neither numpy nor any engine.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from codesift.errors import ModelError
from codesift.models.adapters import NO_ADAPTERS
from codesift.models.bases import Base, is_converted
from codesift.models.drafts import draft_files
from codesift.models.spaces import Space

if TYPE_CHECKING:
    from codesift.encoders.converted_base import BuildEngine
    from codesift.encoders.encoder import LoadedBase
    from codesift.encoders.engine import Engine
    from codesift.encoders.weights import Weights
    from codesift.types import Encoder

_EXTRA = "pip install 'codesift[torch]'"


def open_encoder(space: Space | Base, threads: int = 0, device: str = "auto") -> Encoder:
    """The encoder of a space; of a base alone, without adapters.

    A converted base encodes many texts with OpenVINO, or with torch on a GPU that `device` names. Its queries
    go through numpy on any device: that is done before torch would be imported. A base of the hub runs in
    torch. Vectors of one device can be compared with those of another.

    Args:
        space: where vectors are wanted.
        threads: how many to compute with; 0 lets the engine take all cores.
        device: a value of the setting `device`.

    Raises:
        ModelError: if files, an extra or the device are missing. A converted base is read, and its device
            looked for, when it is first used.
    """
    from codesift.encoders.encoder import SpaceEncoder

    base, adapters = (space.base, space.adapters) if isinstance(space, Space) else (space, NO_ADAPTERS)
    drafts = draft_files(space) if isinstance(space, Space) else None
    return SpaceEncoder(base, adapters, _loaded(base, threads, device), drafts, threads)


def _loaded(base: Base, threads: int, device: str) -> LoadedBase:
    if is_converted(base):
        from codesift.encoders.converted_base import ConvertedBase

        return ConvertedBase(base, _builder(threads, device))
    try:
        from codesift.encoders.transformers_base import TransformersBase
    except ImportError as error:
        raise ModelError("this model needs torch and transformers", _EXTRA) from error
    return TransformersBase(base, threads, device)


def _builder(threads: int, device: str) -> BuildEngine:
    """What makes the engine for many texts of a converted base."""
    if device in ("auto", "cpu"):

        def build(weights: Weights) -> Engine:
            from codesift.encoders.openvino_engine import OpenVinoEngine

            return OpenVinoEngine(weights, threads)

        return build
    # Looked for first: importing it takes seconds, which an index in step with its files does not need.
    if find_spec("torch") is None:
        raise _needs_torch(device)

    def build_in_torch(weights: Weights) -> Engine:
        try:
            from codesift.encoders.torch_engine import TorchEngine
        except ImportError as error:
            raise _needs_torch(device) from error
        return TorchEngine(weights, device, threads)

    return build_in_torch


def _needs_torch(device: str) -> ModelError:
    return ModelError(f"the device {device} needs torch", f"{_EXTRA}, or use --device cpu")
