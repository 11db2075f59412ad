"""The ranking's weights, fitted on questions whose answers are known."""

from pathlib import Path

FOLDS = Path(__file__).parents[1] / "results" / "ranking_folds.json"
"""Repository -> the model that was fitted on all others: what `quality` asks as `codesift-validated`."""
