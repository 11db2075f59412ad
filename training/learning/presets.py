"""Named settings of training: those of the paper, and codesift's."""

from __future__ import annotations

from dataclasses import dataclass

from training.learning.views import PLAIN, TYPED, Style


@dataclass(frozen=True, slots=True)
class Preset:
    """Everything that decides how an adapter is trained, but not on which languages."""

    rank: int
    alpha: int
    batch: int
    epochs: float
    learning_rate: float
    warmup: int
    """Steps; cut to a tenth of the run where the run is short."""
    schedule: str
    mix: str
    """View=weight, see `training.learning.views`."""
    style: Style
    same_package: float
    """Share of the pairs that are batched with others of their package."""
    pairs: int
    """0: every documented function once."""
    longest: int
    """Tokens after which a text is cut; 0: the base's window."""
    soft_labels: float = 0.0
    """Weight of the base's own similarities in the labels, see `training.learning.soft`."""
    dropout: float = 0.1
    log_every: int = 200
    two_sided: bool = True
    """Whether queries go through the adapter that is trained; else they stay as they are."""


PRESETS = {
    # Chaturvedi, Chadha, Bindschaedler (2025), section 4: batch, epochs, warm-up, logging, ranks and dropout.
    "loracode": Preset(
        rank=64,
        alpha=128,
        batch=16,
        epochs=1,
        learning_rate=5e-5,
        warmup=1000,
        schedule="linear",
        mix="documentation",
        style=PLAIN,
        same_package=0.0,
        pairs=0,
        longest=0,
    ),
    "codesift": Preset(
        rank=32,
        alpha=64,
        batch=64,
        epochs=1,
        learning_rate=2e-4,
        warmup=30,
        schedule="cosine",
        mix="question=4,documentation=3,comment=2,message=1,test=0.5,name=0.5",
        style=TYPED,
        same_package=0.4,
        pairs=16000,
        longest=160,
        soft_labels=0.5,
        log_every=10,
    ),
}
