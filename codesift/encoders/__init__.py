"""Encoders behind one port. Importing this package loads neither numpy nor any engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codesift.models.bases import NO_ADAPTERS, Base, Space, is_converted

if TYPE_CHECKING:
    from codesift.types import Encoder


def open_encoder(space: Space | Base, threads: int = 0) -> Encoder:
    """The encoder of a space; of a base alone, without adapters.

    Args:
        space: where vectors are wanted.
        threads: how many to compute with; 0 lets the engine take all cores.

    Raises:
        ModelError: if its files or an extra are missing.
    """
    base, adapters = (space.base, space.adapters) if isinstance(space, Space) else (space, NO_ADAPTERS)
    if is_converted(base):
        from codesift.encoders.encoder import ConvertedEncoder

        return ConvertedEncoder(base, adapters, threads)
    from codesift.encoders.transformers_engine import TorchEncoder

    return TorchEncoder(base, adapters, threads)
