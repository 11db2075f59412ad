"""What every verb starts with: the repository, its settings, and where notes go."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from codesift.config import Settings, load_settings, personal_settings
from codesift.terminal import render

if TYPE_CHECKING:
    from codesift.session import Repository


@dataclass(frozen=True)
class Run:
    """One run of a verb."""

    root: Path
    settings: Settings
    quiet: bool

    def notify(self, line: str) -> None:
        """Tell the user something on stderr."""
        if not self.quiet:
            render.show_note(line, sys.stderr)

    @contextmanager
    def repository(self) -> Iterator[Repository]:
        """The repository, held open, with a bar for what takes long."""
        from codesift.session import Repository

        with (
            render.progress(self.quiet) as progress,
            Repository(self.root, self.settings, self.notify, progress) as repository,
        ):
            yield repository


def start(
    root: Path | None, quiet: bool = False, exact: bool = False, near: Path | None = None, **flags: object
) -> Run:
    """Find the repository and its settings.

    Args:
        root: as the user gave it; None means the repository around `near`.
        quiet: no notes, no progress.
        exact: take `root` as it is instead of looking upwards from it.
        near: a folder; None means the current one.
        flags: overrides of the settings; None is a flag that was not given.
    """
    from codesift.index.location import find_root, given_root

    if root is not None and exact:
        found = given_root(root)
    else:
        found = find_root(root or near or Path(), personal_settings(os.environ))
    return Run(found, load_settings(found, os.environ, flags), quiet)


def start_personally(root: Path | None, quiet: bool = False) -> Run:
    """As `start`, with the user's own settings alone: a repository's wrong ones are not in the way."""
    from codesift.index.location import find_root

    settings = personal_settings(os.environ)
    return Run(find_root(root or Path(), settings), settings, quiet)


def folder_of(paths: Iterable[str]) -> Path | None:
    """The folder of the first absolute path that exists: its repository is meant, wherever the user is."""
    for written in paths:
        path = Path(written)
        if path.is_absolute() and os.path.lexists(path):
            return path if path.is_dir() else path.parent
    return None
