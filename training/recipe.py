"""How codesift's adapters are trained: options of `train`, and how far each adapter goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

COMBINED = (
    *("--pairs", "30000", "--learning-rate", "6e-4", "--soft-labels", "0.4"),
    *("--mix", "question=10,documentation=9,comment=3,message=1,test=0.3,name=1,symbol=1.5"),
)
"""One adapter for all languages. It encodes queries, and code of languages without an adapter."""

LANGUAGE = (
    *("--pairs", "2000", "--learning-rate", "7e-4", "--soft-labels", "0.4"),
    *("--mix", "question=4,documentation=6,comment=1.5,message=0.5,name=0.5,symbol=1"),
)
"""What each language's adapter adds to it, queries staying as they are."""

OWN: Mapping[str, Sequence[str]] = {
    "cpp": (
        *("--pairs", "2000", "--learning-rate", "5e-4", "--soft-labels", "0.7"),
        *("--mix", "question=4,documentation=5,comment=1,message=0.5,name=0.5,symbol=4"),
    )
}
"""The same where `LANGUAGE` lost on whole repositories."""

CODE: Mapping[str, str] = {
    "python": "python:0.7",
    "typescript": "typescript:0.5",
    "java": "combined:0.25",
    "c": "c:0.5",
    "cpp": "cpp:0.6",
    "rust": "rust:0.5",
}
"""Language -> RUN[:FACTOR] that encodes its code, where that is not its own run as trained."""
