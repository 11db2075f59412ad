"""Cross-validated rankings: for each repository the model that `training fit` fitted on all others."""

from __future__ import annotations

import json
from pathlib import Path

from codesift.search.ranking import RankingModel

FOLDS = Path(__file__).parents[1] / "benchmarks" / "results" / "ranking_folds.json"
"""What `training fit` writes, and `benchmarks quality` searches with as `codesift-validated`."""


def folds() -> dict[str, RankingModel]:
    """Repository -> its model, from `FOLDS`."""
    rows = json.loads(FOLDS.read_text(encoding="utf-8"))
    return {repo: RankingModel.from_json(row) for repo, row in rows.items()}
