"""Packages by their ordinary clients, and their archives; nothing here uses the network."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from archives import tar_with_link

from evaluation.packages import Package, Unavailable, debian_sources, fetch, unpack_tar


def test_an_archive_cannot_write_outside_its_folder_or_make_links(tmp_path: Path) -> None:
    to = tmp_path / "to"
    unpack_tar(tar_with_link(**{"src__a.c": b"int a;", "..__evil": b"x", "__absolute": b"x"}), to)
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()] == [
        "to/src/a.c"
    ]
    assert not (to / "link").is_symlink()


def test_a_downloaded_wheel_is_unpacked_without_the_network(tmp_path: Path) -> None:
    kept = tmp_path / "downloads" / "pypi-tiny-1.0"
    kept.mkdir(parents=True)
    with zipfile.ZipFile(kept / "tiny-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny/__init__.py", "def f(): ...\n")
    fetch(Package("pypi", "tiny", "1.0"), tmp_path / "downloads", tmp_path / "to")
    assert (tmp_path / "to" / "tiny" / "__init__.py").read_text() == "def f(): ...\n"


def test_a_missing_client_makes_a_package_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="npm is not installed"):
        fetch(Package("npm", "@scope/tiny", "1.0"), tmp_path, tmp_path / "to")


def test_scoped_names_make_plain_folders() -> None:
    assert Package("npm", "@trpc/server", "1").label == "trpc-server"


def test_debian_sources_are_derived_from_the_machines_own() -> None:
    own = (
        "Types: deb\nURIs: https://tools.example\nSuites: nodistro\nComponents: main\n\n"
        "# a snapshot\nTypes: deb\nURIs: https://mirror.example/debian\nSuites: bookworm bookworm-updates\n"
        "Components: main contrib\nSigned-By: /usr/share/keyrings/debian.gpg\n"
    )
    derived = debian_sources(own).splitlines()
    assert "Types: deb deb-src" in derived
    assert "URIs: https://mirror.example/debian" in derived
    assert "Suites: bookworm trixie" in derived
    assert "Signed-By: /usr/share/keyrings/debian.gpg" in derived
    assert not any("tools.example" in line for line in derived)


def test_a_machine_without_a_debian_archive_is_told_so() -> None:
    with pytest.raises(Unavailable, match="no Debian archive"):
        debian_sources("Types: deb\nURIs: https://mirror.example/ubuntu\nSuites: noble\n")
