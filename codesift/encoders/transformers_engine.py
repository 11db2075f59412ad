"""Hub bases through torch: a transformers encoder with mean or cls pooling."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from codesift.encoders.torch_common import in_batches, mean_of_tokens
from codesift.encoders.weights import check_fit, read_adapter
from codesift.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from codesift.encoders.engine import Floats, Ids
    from codesift.models.adapters import Adapter
    from codesift.models.bases import Base


class TransformersEngine:
    """An `Engine` whose weights `switch` changes to those of another adapter.

    Args:
        model: a transformers encoder in float32, on the device it stays on.
        base: whose pooling is used; named in errors.
    """

    def __init__(self, model: Any, base: Base) -> None:
        self._model, self._base = model, base
        self._padding = int(model.config.pad_token_id or 0)
        self._merged = Merged(model)

    def switch(self, adapter: Adapter | None) -> None:
        """Merge an adapter into the weights.

        Raises:
            ModelError: if the adapter cannot be read or does not fit; the weights are left as they are.
        """
        self._merged.switch(adapter)

    def __call__(self, texts: Sequence[Ids], /) -> Floats:
        """Encode token ids, each of shape (tokens,). Returns shape (len(texts), dimensions) in that order."""
        with model_errors(self._base, "encode with"):
            device = self._model.device
            return in_batches(texts, self._base.dimensions, device, self._forward, self._padding)

    def _forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Ids and mask, each of shape (batch, tokens). Returns shape (batch, dim)."""
        hidden: torch.Tensor = self._model(input_ids=ids, attention_mask=mask).last_hidden_state
        return hidden[:, 0] if self._base.pooling == "cls" else mean_of_tokens(hidden, mask)


class Merged:
    """A model that carries one adapter at a time, merged into its weights.

    Args:
        model: in float32, on the device it stays on.
    """

    def __init__(self, model: Any) -> None:
        self._parameters: dict[str, torch.nn.Parameter] = dict(model.named_parameters())
        self._originals: dict[str, torch.Tensor] = {}
        self._key = ""

    @torch.no_grad()
    def switch(self, adapter: Adapter | None) -> None:
        """Make the weights W + B A, from the original W: nothing is left of the adapter before.

        Raises:
            ModelError: if the adapter cannot be read or does not fit; the weights are left as they are.
        """
        key = adapter.sha256 if adapter else ""
        if key == self._key:
            return
        changes = read_adapter(adapter) if adapter else {}
        check_fit({name: tuple(matrix.shape) for name, matrix in self._parameters.items()}, changes)
        for name, original in self._originals.items():
            self._parameters[name].copy_(original)
        for name, change in changes.items():
            parameter = self._parameters[name]
            self._originals.setdefault(name, parameter.clone())
            a, b = (torch.from_numpy(part).to(parameter.device) for part in (change.a, change.b))
            parameter.add_(b @ a)
        self._key = key


@contextmanager
def model_errors(base: Base, deed: str) -> Iterator[None]:
    """Turn what transformers raises into a ModelError of one line.

    Args:
        base: named in it.
        deed: what failed, such as `load`.
    """
    try:
        yield
    # transformers raises many kinds of error for files and sizes it cannot use; all mean the same here.
    except Exception as error:
        reason = str(error).strip().split("\n")[0]
        raise ModelError(f"cannot {deed} {base.name}: {reason}", "its files may be damaged") from error
