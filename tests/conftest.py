"""What every test stands on: a home of its own, and the installed command."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from indexes import SHARED, copy_with_index, lend
from installed import HARBOUR, Run

from codesift.index.catalog import Catalog
from codesift.index.database import Database
from codesift.index.full_text import FullText

# `training` and `benchmarks` are not installed; appended, so that the installed `codesift` is the one tested.
sys.path.append(str(Path(__file__).parent.parent))

# A shell's background job may ignore Ctrl-C, and so would every command started from it.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Torch's threads sleep while they wait for each other: on a busy machine, spinning makes training four times
# as slow. The variable is read when torch is loaded, here or in a command that a test starts.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@pytest.fixture(scope="session", autouse=True)
def session_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home for fixtures that outlive a test. Their indexes are lent to tests, see `indexes`."""
    home = tmp_path_factory.mktemp("session-home")
    with pytest.MonkeyPatch.context() as patch:
        _make_home(home, patch)
        patch.setenv(SHARED, str(home))
        yield home


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """No test can see or touch the real home, cache, settings or git configuration."""
    home = tmp_path_factory.mktemp("home")
    _make_home(home, monkeypatch)
    yield home


def _make_home(home: Path, patch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("CODESIFT_", "GIT_", "XDG_", "HF_")) and not name.startswith("CODESIFT_EVAL"):
            patch.delenv(name)
    patch.setenv("HOME", str(home))
    patch.setenv("XDG_CACHE_HOME", str(home / ".cache"))
    patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    patch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    patch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture
def codesift() -> Run:
    """Run the installed command; returns the finished process with its output as text."""
    program = Path(sys.executable).parent / "codesift"

    def run(*arguments: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
        options = {"capture_output": True, "text": True, "timeout": 300, "encoding": "utf-8"} | options
        done: subprocess.CompletedProcess[str] = subprocess.run(  # type: ignore[call-overload]
            [program, *map(str, arguments)], **options
        )
        return done

    return run


@pytest.fixture
def git() -> Callable[..., None]:
    """Run git in a folder."""

    def run(folder: Path, *arguments: str) -> None:
        identity = ("-c", "user.name=Test", "-c", "user.email=test@example.invalid")
        subprocess.run(["git", "-C", folder, *identity, *arguments], check=True, capture_output=True)

    return run


@pytest.fixture(scope="session")
def indexed_harbour(tmp_path_factory: pytest.TempPathFactory, session_home: Path) -> Path:
    """A git repository in Python, JavaScript and Go with its index in the session's home."""
    root = tmp_path_factory.mktemp("harbour") / "repo"
    shutil.copytree(HARBOUR, root)
    program = str(Path(sys.executable).parent / "codesift")
    for command in (["git", "init", "-q"], ["git", "add", "-A"], [program, "index", "--quiet"]):
        subprocess.run(command, cwd=root, check=True, capture_output=True, timeout=120)
    return root


@pytest.fixture
def harbour(indexed_harbour: Path) -> Path:
    """A git repository in Python, JavaScript and Go with its index; tests leave it as it is."""
    return lend(indexed_harbour)


@pytest.fixture
def own_harbour(indexed_harbour: Path, tmp_path: Path) -> Path:
    """A copy of `harbour`, index included, that a test may change."""
    return copy_with_index(indexed_harbour, tmp_path / "harbour")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty index."""
    database = Database(tmp_path / "index.db")
    yield database
    database.close()


@pytest.fixture
def catalog(database: Database) -> Catalog:
    """Its files and units."""
    return Catalog(database)


@pytest.fixture
def full_text(database: Database) -> FullText:
    """Its words."""
    return FullText(database)
