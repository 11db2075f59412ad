"""The port of inference engines. A file `*_engine.py` implements it and imports no other engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    Ids = NDArray[np.int32]
    """Token ids of one text, shape (tokens,), or of a batch, shape (texts, tokens)."""
    Floats = NDArray[np.float32]


class Engine(Protocol):
    """Inference with one set of weights."""

    def __call__(self, texts: Sequence[Ids], /) -> Floats:
        """Encode texts. An engine may be called from one thread at a time, unless it says otherwise.

        Args:
            texts: the token ids of each text, shape (tokens,), special tokens included.

        Returns:
            Shape (len(texts), dimensions), rows of length 1 in the order of `texts`. Weights or texts that
            overflow give rows that are not finite.
        """


class QueryEngine(Engine, Protocol):
    """An engine for a few texts, which several threads may call."""

    def prepare(self) -> None:
        """Do what the first call would do first, so that it can be done in another thread meanwhile."""
