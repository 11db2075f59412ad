"""Encoders behind one port. Importing this package loads neither numpy nor any engine.

What belongs here turns texts into vectors of one space (`types.Encoder`): tokens, windows, batches, and the
engines that compute. An engine is imported when it is first used, and torch only for a base that was not
converted. It may import `models` and what lies below it; it knows no index.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codesift.models.adapters import NO_ADAPTERS
from codesift.models.bases import Base, is_converted
from codesift.models.spaces import Space

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
        from codesift.encoders.converted import ConvertedEncoder

        return ConvertedEncoder(base, adapters, threads)
    from codesift.encoders.torch_engine import TorchEncoder

    return TorchEncoder(base, adapters, threads)
