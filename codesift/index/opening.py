"""One opened index: its database, its vectors and its graph, under one root."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from codesift.config import Settings
from codesift.errors import CodesiftError, StorageError
from codesift.index import seal, trust
from codesift.index.catalog import Catalog
from codesift.index.database import Database
from codesift.index.database_file import create, damaged
from codesift.index.full_text import Lexicon
from codesift.index.hnsw import Graph
from codesift.index.location import (
    ABOUT,
    DATABASE,
    fresh_name,
    is_writable,
    remove,
    remove_strays,
    repository_place,
    size_on_disk,
    write_lock,
)
from codesift.index.vectors import Vectors
from codesift.models.spaces import Space, chosen_space

_KEPT = ("lock", ".gitignore", ABOUT, trust.NOTE)


@dataclass(frozen=True)
class Index:
    """Everything a search or an index run works on."""

    root: Path
    folder: Path
    """Where the index lies: in the cache folder, or in the root."""
    space: Space
    database: Database
    catalog: Catalog
    lexicon: Lexicon
    vectors: Vectors
    graph: Graph


@contextmanager
def open_index(root: Path, folder: Path, settings: Settings, read_only: bool = False) -> Iterator[Index]:
    """Open the index of `root` in `folder`, made if it is not there; closed on leaving.

    Args:
        read_only: nothing is stored; without it, an index that cannot be written can still be read.

    Raises:
        DamagedIndexError: it cannot be trusted; see `healing`.
        StorageError: it cannot be read or written.
        ModelError: the model or the adapters of the settings cannot be found.
    """
    space = chosen_space(settings, root)
    path = folder / DATABASE
    database = Database(path, read_only or (os.path.lexists(path) and not is_writable(folder)))
    try:
        vectors = Vectors(database, space.id)
        graph = Graph(folder, vectors, space.dimensions, settings)
        yield Index(root, folder, space, database, Catalog(database), Lexicon(database), vectors, graph)
    except (CodesiftError, OSError):
        raise
    except Exception as error:
        from codesift.index.examination import is_whole

        # What no line of ours expects may come from an index that was written over.
        if is_whole(database):
            raise
        raise damaged(path, "what it stores makes no sense") from error
    finally:
        database.close()


@contextmanager
def write_index(root: Path, folder: Path, settings: Settings) -> Iterator[Index]:
    """As `open_index`, for who holds the lock; an index inside its repository is signed.

    Raises:
        as `open_index`.
    """
    remove_strays(folder)
    with signing(root, folder):
        with open_index(root, folder, settings) as index:
            yield index
            generation = index.database.meta("generation") if index.database.was_written() else ""
        if generation:
            seal.seal(folder, generation)


@contextmanager
def signing(root: Path, folder: Path) -> Iterator[None]:
    """Sign an index inside its repository before and after it is written; any other needs no signature.

    Raises:
        StorageError: the note cannot be written.
    """
    signed = folder == repository_place(root)
    if signed and os.path.lexists(folder / DATABASE):
        trust.sign_open(folder)
    yield
    if signed and os.path.lexists(folder / DATABASE):
        trust.sign_closed(folder)


def create_index(root: Path, folder: Path) -> None:
    """Make an empty index where there is none; the lock must not be held.

    Raises:
        StorageError: the folder cannot be written.
    """
    path = folder / DATABASE
    if os.path.lexists(path):
        return
    if folder != repository_place(root):
        Database(path).close()
        return
    # It is signed before it has its name, so that no process finds it without a signature.
    with write_lock(folder, lambda: None):
        if not os.path.lexists(path):
            fresh = fresh_name(path)
            create(fresh)
            trust.sign_open(folder, fresh)
            fresh.replace(path)


def reset(folder: Path, *kept: str) -> None:
    """Delete what an index folder stores, but not the folder and its lock.

    Args:
        kept: names of more files to leave.

    Raises:
        StorageError: a file could not be deleted.
    """
    try:
        for path in folder.iterdir():
            if path.name not in (*_KEPT, *kept):
                remove(path)
    except OSError as error:
        raise StorageError(f"cannot delete the index in {folder}: {error.strerror}") from error


def discard(folder: Path) -> int:
    """Delete an index, folder and all; returns the bytes freed.

    Raises:
        StorageError: a file could not be deleted.
    """
    freed = size_on_disk(folder)
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise StorageError(f"cannot delete {folder}: {error.strerror}") from error
    return freed
