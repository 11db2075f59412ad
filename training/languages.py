"""The option `--languages` of most verbs."""

from __future__ import annotations

from codesift.errors import UsageError
from evaluation.records import LANGUAGES


def languages_of(option: str) -> list[str]:
    """The languages in a list separated by commas.

    Raises:
        UsageError: one of them is not among those that get an adapter.
    """
    names = [name.strip() for name in option.split(",") if name.strip()]
    if unknown := [name for name in names if name not in LANGUAGES]:
        raise UsageError(f"unknown language {', '.join(unknown)}", f"one of {', '.join(LANGUAGES)}")
    return names
