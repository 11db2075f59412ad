"""Errors that users can cause or meet, and the exit codes of the command."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of the `codesift` command."""

    RESULTS = 0
    NO_RESULTS = 1
    BAD_INPUT = 2
    BUG = 3
    INTERRUPTED = 130
    TERMINATED = 143


class CodesiftError(Exception):
    """An error that one line explains: what was expected, what was found, what to do next.

    Args:
        message: one sentence without a full stop.
        hint: the next command or change to try, or an empty string.
        choices: the values that could have been meant, one on each line.
    """

    def __init__(self, message: str, hint: str = "", choices: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.choices = choices

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class UsageError(CodesiftError):
    """An argument, option or setting cannot be used."""


NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Error numbers of the system for a disk or a quota that is full."""


class StorageError(CodesiftError):
    """The index could not be read or written: a full disk, a read-only folder, a lock."""


class NoSpaceError(StorageError):
    """The disk that holds the index is full."""


class DamagedIndexError(StorageError):
    """The index exists but cannot be trusted: cut short, corrupt, or of another version."""


class ModelError(CodesiftError):
    """A base model or adapter is unknown, unreadable, or needs an extra that is not installed."""
