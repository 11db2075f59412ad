"""How codesift's adapters are trained: options of `train`, and how far each adapter goes."""

from __future__ import annotations

from collections.abc import Mapping

_VIEWS = "comment=1.5,message=0.5,name=0.5"

COMBINED = (
    *("--pairs", "26000", "--learning-rate", "6e-4"),
    *("--mix", "question=10,documentation=7,comment=3,message=1,test=0.3,name=1"),
)
"""One adapter for all languages. It encodes queries, and code of languages without an adapter."""

LANGUAGE = (
    *("--pairs", "2000", "--learning-rate", "7e-4", "--soft-labels", "0.2", "--same-package", "0.5"),
    *("--mix", f"question=4,documentation=6,{_VIEWS}"),
)
"""What each language's adapter adds to it, queries staying as they are."""

OWN: Mapping[str, tuple[str, ...]] = {
    "python": ("--pairs", "1800", "--learning-rate", "5e-4", "--mix", f"question=5,documentation=4,{_VIEWS}")
}
"""Language -> its options, where they are not `LANGUAGE`."""

SCALES: Mapping[str, float] = {"python": 0.7, "c": 0.7, "cpp": 0.5, "rust": 0.5}
"""Language -> what its adapter's change is multiplied by: less where the whole loses on repositories."""
