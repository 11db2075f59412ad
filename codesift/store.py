"""One opened index: its database, its vectors and its graph, under one root."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from codesift.ann import Graph
from codesift.catalog import Catalog
from codesift.config import Settings
from codesift.database import Database
from codesift.errors import CodesiftError, DamagedIndexError, StorageError
from codesift.lexicon import Lexicon
from codesift.location import DATABASE, is_writable
from codesift.models import Space, chosen_space
from codesift.vectors import Vectors

_KEPT = ("lock", ".gitignore")


@dataclass(frozen=True)
class Index:
    """Everything a search or an index run works on."""

    root: Path
    folder: Path
    """Where the index lies: in the root, or in the cache folder if the root is read-only."""
    cache: Path
    """The user's cache folder."""
    space: Space
    database: Database
    catalog: Catalog
    lexicon: Lexicon
    vectors: Vectors
    graph: Graph


@contextmanager
def open_index(root: Path, folder: Path, settings: Settings) -> Iterator[Index]:
    """Open the index of `root` in `folder`, made if it is not there; closed on leaving.

    An index that cannot be written can still be searched.

    Raises:
        DamagedIndexError: it cannot be trusted; `reset` the folder and index again.
        StorageError: it cannot be read or written.
        ModelError: the model or the adapters of the settings cannot be found.
    """
    space = chosen_space(settings, root)
    path = folder / DATABASE
    database = Database(path, read_only=path.exists() and not is_writable(folder))
    try:
        vectors = Vectors(database, space.id)
        graph = Graph(folder, vectors, space.dimensions, settings)
        catalog, lexicon = Catalog(database), Lexicon(database)
        yield Index(root, folder, settings.cache_folder(), space, database, catalog, lexicon, vectors, graph)
    except (CodesiftError, OSError):
        raise
    except Exception as error:
        # What no line of ours expects may come from an index that was written over.
        if database.is_sound():
            raise
        raise DamagedIndexError(
            f"the index {path} is damaged", "codesift clean, then codesift index"
        ) from error
    finally:
        database.close()


def reset(folder: Path) -> None:
    """Delete what an index folder stores, but not the folder and its lock.

    Raises:
        StorageError: a file could not be deleted.
    """
    try:
        for path in folder.iterdir():
            if path.name not in _KEPT:
                path.unlink(missing_ok=True)
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


def size_on_disk(folder: Path) -> int:
    """Bytes of all files in an index folder."""
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
