"""Opening, writing, creating and deleting an index: its database, its vectors and the files beside it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from codesift.config import Settings
from codesift.errors import CodesiftError, DamagedIndexError, StorageError
from codesift.index import seal, trust
from codesift.index.catalog import Catalog
from codesift.index.database import Database
from codesift.index.database_file import create, damaged
from codesift.index.drafts import Drafts
from codesift.index.full_text import FullText
from codesift.index.location import (
    ABOUT,
    DATABASE,
    EMBEDDING,
    is_writable,
    repository_place,
    size_on_disk,
    write_lock,
)
from codesift.index.neighbors import Neighbors, StoredNeighbors
from codesift.index.vectors import Vectors
from codesift.models.drafts import draft_files
from codesift.models.spaces import Space, chosen_space
from codesift.system.files import fresh_name, remove, remove_strays

_PRESERVED_FILES = ("lock", EMBEDDING, ".gitignore", ABOUT, trust.NOTE)
"""Names of the files that `reset` does not delete."""


@dataclass(frozen=True)
class SpaceIndex:
    """The part of an index that belongs to one vector space."""

    space: Space
    vectors: Vectors
    drafts: Drafts
    neighbors: Neighbors


@dataclass(frozen=True)
class Index:
    """An open index, as searches and updates use it. Several threads may search it at the same time."""

    root: Path
    folder: Path
    """The index folder, which is in the cache folder or in the root."""
    database: Database
    catalog: Catalog
    full_text: FullText
    spaces: tuple[SpaceIndex, ...]
    """The open spaces; the one that the settings choose is first."""

    @property
    def primary(self) -> SpaceIndex:
        """The space that the settings choose."""
        return self.spaces[0]

    def stored_neighbors(self) -> Iterator[StoredNeighbors]:
        """Yield the neighbors of all spaces that are stored in files."""
        for member in self.spaces:
            if isinstance(member.neighbors, StoredNeighbors):
                yield member.neighbors


@contextmanager
def open_index(
    root: Path, folder: Path, settings: Settings, read_only: bool = False, more: Sequence[Space] = ()
) -> Iterator[Index]:
    """Open the index of `root` in `folder` for the duration of the context; it is created if missing.

    Args:
        root: the repository.
        folder: the index folder.
        settings: the model and the parameters of vector searches.
        read_only: nothing is stored outside `writing`. An index that cannot be written is always opened so.
        more: spaces in addition to the one that the settings choose.

    Raises:
        DamagedIndexError: the index cannot be trusted; see `repair`.
        StorageError: the index cannot be read or written.
        ModelError: the model or the adapters of the settings cannot be found.
    """
    spaces = [chosen_space(settings, root), *more]
    path = folder / DATABASE
    database = Database(path, read_only or (os.path.lexists(path) and not is_writable(folder)))
    try:
        with examined(database):
            opened = tuple(_opened(space, database, folder, settings) for space in spaces)
            yield Index(root, folder, database, Catalog(database), FullText(database), opened)
    finally:
        database.close()


def _opened(space: Space, database: Database, folder: Path, settings: Settings) -> SpaceIndex:
    vectors = Vectors(database, space.id)
    files = draft_files(space)
    drafts = Drafts(database, files.id if files else "", space.dimensions)
    return SpaceIndex(space, vectors, drafts, StoredNeighbors(folder, vectors, space.dimensions, settings))


@contextmanager
def examined(database: Database) -> Iterator[None]:
    """Examine the index after an unexpected error in the context, because damage may be the cause.

    Raises:
        DamagedIndexError: in place of the error, if the examination finds damage.
    """
    try:
        yield
    except (CodesiftError, OSError):
        raise
    except Exception as error:
        if _is_whole(database):
            raise
        raise damaged(database.path, "what it stores makes no sense") from error


def _is_whole(database: Database) -> bool:
    from codesift.index.examination import is_whole

    try:
        return is_whole(database)
    except DamagedIndexError:
        return False
    except Exception:  # The examination failed: the first error is more informative.
        return True


@contextmanager
def writing(index: Index) -> Iterator[None]:
    """Write to an open index; the caller holds the write lock. An index inside its repository is signed.

    Raises:
        StorageError: the index cannot be written.
    """
    remove_strays(index.folder)
    with signing(index.root, index.folder):
        before = index.database.transactions()
        with index.database.writing():
            yield
            changed = index.database.transactions() > before
            generation = index.database.meta("generation") if changed else ""
        if generation:
            seal.seal(index.folder, generation)


@contextmanager
def signing(root: Path, folder: Path) -> Iterator[None]:
    """Sign an index inside its repository before and after it is written; other indexes need no signature.

    Raises:
        StorageError: the note cannot be written.
    """
    signed = folder == repository_place(root)
    if signed and os.path.lexists(folder / DATABASE):
        trust.sign_open(folder)
    yield
    if signed and os.path.lexists(folder / DATABASE):
        trust.sign_closed(folder)


def create_index(root: Path, folder: Path, locked: bool = False) -> None:
    """Create an empty index if there is none.

    Args:
        root: the repository.
        folder: the index folder.
        locked: whether the caller holds the write lock, which is not taken twice.

    Raises:
        StorageError: the folder cannot be written.
    """
    path = folder / DATABASE
    if os.path.lexists(path):
        return
    if folder != repository_place(root):
        Database(path).close()
        return
    # The index is signed before it has its name, so that no process finds it without a signature.
    with nullcontext() if locked else write_lock(folder, lambda: None):
        if not os.path.lexists(path):
            fresh = fresh_name(path)
            create(fresh)
            trust.sign_open(folder, fresh)
            fresh.replace(path)


def reset(folder: Path, *preserved: str) -> None:
    """Delete the content of an index folder, but not the folder and its lock.

    Args:
        folder: the index folder.
        preserved: names of further files to preserve.

    Raises:
        StorageError: a file could not be deleted.
    """
    try:
        for path in folder.iterdir():
            if path.name not in (*_PRESERVED_FILES, *preserved):
                remove(path)
    except OSError as error:
        raise StorageError(f"cannot delete the index in {folder}: {error.strerror}") from error


def discard(folder: Path) -> int:
    """Delete an index and its folder; return the bytes freed.

    Raises:
        StorageError: a file could not be deleted.
    """
    freed = size_on_disk(folder)
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise StorageError(f"cannot delete {folder}: {error.strerror}") from error
    return freed
