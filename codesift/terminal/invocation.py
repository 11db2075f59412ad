"""What every verb starts with: the repository, its settings, and where notes go."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from codesift.config import Settings, load_settings, personal_settings
from codesift.terminal import render
from codesift.types import Encoder

if TYPE_CHECKING:
    from codesift.index.opening import Index
    from codesift.models.bases import Space
    from codesift.session import Desk

T = TypeVar("T")


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
    def desk(self) -> Iterator[Desk]:
        """What works on the index, with a bar for what takes long."""
        from codesift.session import Desk

        with render.progress(self.quiet) as progress:
            yield Desk(self.root, self.settings, self.notify, progress, self.encoder)

    def on_index(self, work: Callable[[Index], T]) -> T:
        """Call `work(index)` on a refreshed index."""
        from codesift.session import on_index

        with self.desk() as desk:
            return on_index(desk, work)

    def query_encoder(self) -> Encoder:
        """The encoder of the settings, ready for a query."""
        from codesift.models.bases import chosen_space

        encoder = self.encoder(chosen_space(self.settings, self.root))
        encoder.prepare_query()
        return encoder

    def encoder(self, space: Space) -> Encoder:
        """The encoder of a space."""
        from codesift.encoders import open_encoder

        return open_encoder(space, self.settings.threads, self.settings.device)


def start(root: Path | None, quiet: bool = False, exact: bool = False, **flags: object) -> Run:
    """Find the repository and its settings.

    Args:
        root: as the user gave it; None means the repository around the current folder.
        quiet: no notes, no progress.
        exact: take `root` as it is instead of looking upwards from it.
        flags: overrides of the settings; None is not given.
    """
    from codesift.index.location import find_root, given_root

    if root is not None and exact:
        found = given_root(root)
    else:
        found = find_root(root or Path(), personal_settings(os.environ))
    return Run(found, load_settings(found, os.environ, flags), quiet)


def start_personally(root: Path | None, quiet: bool = False) -> Run:
    """As `start`, with the user's own settings alone: a repository's wrong ones are not in the way."""
    from codesift.index.location import find_root

    settings = personal_settings(os.environ)
    return Run(find_root(root or Path(), settings), settings, quiet)
