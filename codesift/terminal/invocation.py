"""The invocation of a verb: its repository, its settings, and its notes to the user."""

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
    """One invocation of a verb."""

    root: Path
    settings: Settings
    quiet: bool

    def notify(self, line: str) -> None:
        """Write a line for the user to stderr, unless the run is quiet."""
        if not self.quiet:
            render.show_note(line, sys.stderr)

    @contextmanager
    def repository(self) -> Iterator[Repository]:
        """Open the repository for the duration of the context, with a progress bar for long operations."""
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
        root: the value of `--root` or of the argument; None means the repository around `near`, if there is
            one, or around the current folder.
        quiet: suppress notes and progress.
        exact: take `root` as it is instead of looking upwards from it.
        near: the folder of a file that was named; None if none was.
        flags: values that override settings; None means that the flag is not set.
    """
    from codesift.index.location import checked_folder, find_root, repository_around

    personal = personal_settings(os.environ)
    if root is not None and exact:
        folder = checked_folder(root)
    else:
        around = repository_around(near.resolve(), personal) if near and root is None else None
        folder = around or find_root(root or Path(), personal)
    return Run(folder, load_settings(folder, os.environ, flags), quiet)


def start_personally(root: Path | None, quiet: bool = False) -> Run:
    """Start like `start`, with personal settings only: a repository's invalid ones are not read."""
    from codesift.index.location import find_root

    settings = personal_settings(os.environ)
    return Run(find_root(root or Path(), settings), settings, quiet)


def folder_of(files: Iterable[str], patterns: Iterable[str]) -> Path | None:
    """Return the folder that the first absolute path designates, or None.

    An absolute path designates the repository around it, whatever the current folder is.

    Args:
        files: possible names of a file; those that do not exist are passed over.
        patterns: values of `--path`, whose beginnings may exist.
    """
    from codesift.search.filters import existing_part

    found = [Path(name) for name in files if Path(name).is_absolute() and os.path.lexists(name)]
    found += [
        part for pattern in patterns if (part := existing_part(pattern.removeprefix("!"))[0]) is not None
    ]
    return next((path if path.is_dir() else path.parent for path in found), None)
