"""Indexes that lie where nothing can be written, or where no space is left."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from indexes import index_of
from repositories import (
    SHOP_UNITS,
    Done,
    as_ordinary_user,
    embedded,
    failed,
    rows,
    same_index,
    units,
    worked,
    write,
)

Run = Callable[..., Done[str]]
NEEDLE = "def needle():\n    return 'hay'\n"
MANY = {f"part_{i}.py": "".join(f"def f{i}_{j}():\n    return {j}\n" for j in range(10)) for i in range(30)}


def paths(done: Done[str]) -> list[str]:
    return [result["path"] for result in json.loads(worked(done))["results"]]


# -- where nothing can be written -----------------------------------------------------------------


@contextmanager
def mounted(place: Path, *options: str) -> Iterator[Path]:
    """A file system mounted for a while; skips where that is not allowed."""
    place.mkdir(exist_ok=True)
    if (
        shutil.which("mount") is None
        or subprocess.run(["mount", *options, place], capture_output=True).returncode
    ):
        pytest.skip("mounting file systems is not allowed here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


@contextmanager
def frozen(root: Path) -> Iterator[None]:
    """Take away the right to write below a folder, for everybody without root's rights."""
    folders = [root, *(path for path in root.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    try:
        yield
    finally:
        for folder in folders:
            folder.chmod(0o755)


def ask(codesift: Run, root: Path, text: str, **options: object) -> Done[str]:
    done = codesift("query", text, "--root", root, "--json", preexec_fn=as_ordinary_user(), **options)
    if done.returncode == 77:
        pytest.skip("root cannot give up its rights here")
    return done


def cached(home: Path) -> list[Path]:
    return list((home / ".cache/codesift/indexes").glob("*/index.db"))


def test_nothing_is_needed_of_a_read_only_folder(codesift: Run, tmp_path: Path, own_home: Path) -> None:
    root = write(tmp_path / "shop")
    with frozen(root):
        assert paths(ask(codesift, root, "sum of prices"))[0] == "shop/cart.py"
        done = codesift("index", root, preexec_fn=as_ordinary_user())
        assert (embedded(done), units(done)) == (0, SHOP_UNITS)
        assert not (root / ".codesift").exists()
        assert len(cached(own_home)) == 1
        worked(codesift("clean", "--root", root, preexec_fn=as_ordinary_user()))
        assert not cached(own_home)


def test_nothing_is_needed_of_a_read_only_file_system(codesift: Run, tmp_path: Path, own_home: Path) -> None:
    with mounted(tmp_path / "disk", "-t", "tmpfs", "tmpfs") as root:
        write(root)
        subprocess.run(["mount", "-o", "remount,ro", root], check=True)
        assert units(codesift("index", root)) == SHOP_UNITS
        assert paths(codesift("query", "sum of prices", "--root", root, "--json"))[0] == "shop/cart.py"
        assert len(cached(own_home)) == 1


def test_no_place_for_an_index_is_said(codesift: Run, tmp_path: Path) -> None:
    root = write(tmp_path / "shop")
    with frozen(root):
        environment = {**os.environ, "CODESIFT_CACHE_DIR": str(root / "cache")}
        done = codesift("index", root, env=environment, preexec_fn=as_ordinary_user())
        if done.returncode == 77:
            pytest.skip("root cannot give up its rights here")
        failed(done, "CODESIFT_CACHE_DIR")


@pytest.mark.slow
@pytest.mark.parametrize("what", ["folder", "database"])
def test_an_index_that_cannot_be_written_is_searched_as_it_is(
    codesift: Run, tmp_path: Path, what: str
) -> None:
    shop = write(tmp_path / "shop")
    worked(codesift("index", shop))
    # Twice, so that no file is too young to be believed.
    while rows(shop, "SELECT 1 FROM files WHERE mtime_ns = -1"):
        worked(codesift("index", shop))
    folder, database = index_of(shop), index_of(shop) / "index.db"
    (folder if what == "folder" else database).chmod(0o500 if what == "folder" else 0o400)
    try:
        done = ask(codesift, shop, "sum of prices")
        assert paths(done)[0] == "shop/cart.py" and done.stderr == ""
        worked(codesift("status", "--root", shop, preexec_fn=as_ordinary_user()))
        write(shop, {"needle.py": NEEDLE})
        done = ask(codesift, shop, "sum of prices")
        assert paths(done)[0] == "shop/cart.py" and "out of date and cannot be written" in done.stderr
    finally:
        folder.chmod(0o700)
        database.chmod(0o600)
    done = ask(codesift, shop, "needle")
    assert paths(done)[0] == "needle.py" and done.stderr == ""


# -- a full disk ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_full_disk_is_said_and_more_space_is_used(
    codesift: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write(tmp_path / "parts", MANY)
    clean = write(tmp_path / "clean", MANY)
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=6m", "tmpfs") as disk:
        monkeypatch.setenv("CODESIFT_CACHE_DIR", str(disk))
        for spare in (0, 40, 150, 300):
            _fill(disk, spare)
            done = codesift("index", root)
            if spare < 300 or done.returncode:
                # The vectors may be what there is no space for; then another line says what is there.
                assert done.returncode == 2 and "space" in done.stderr.splitlines()[-1]
        (disk / "ballast").unlink()
        worked(codesift("index", root))
        for matrix in index_of(root).glob("*.vectors"):
            matrix.unlink()
        _fill(disk, 0)
        failed(codesift("index", root), "no space left", ".vectors")
        _fill(disk, 0)
        found = codesift("query", "f3_4", "--no-refresh", "--root", root, "--json")
        assert paths(found)[0] == "part_3.py"
        write(root, {"needle.py": NEEDLE})
        found = codesift("query", "f3_4", "--root", root, "--json")
        assert paths(found)[0] == "part_3.py" and "no space left" in found.stderr
        (root / "needle.py").unlink()
        (disk / "ballast").unlink()
        assert embedded(codesift("index", root)) == 0
        assert list(index_of(root).glob("*.vectors"))
        worked(codesift("index", clean))
        same_index(root, clean)


def _fill(root: Path, spare: int) -> None:
    """Use up a disk but for some KiB."""
    (root / "ballast").unlink(missing_ok=True)
    free = shutil.disk_usage(root).free - spare * 1024
    (root / "ballast").write_bytes(b"\0" * max(free, 0))
