"""What is kept of a package, from the archive to the record beside it; nothing here uses the network."""

from __future__ import annotations

import argparse
import io
import json
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from codesift.errors import CodesiftError, UsageError
from evaluation.packages.archives import Limits, Unavailable, unpack
from evaluation.packages.clients import Package, download
from evaluation.records import LANGUAGES
from training import fetch
from training.__main__ import main
from training.languages import languages_of
from training.sources import candidates, fetching
from training.sources.fetching import fetch_package, is_source, retried
from training.sources.licences import is_open, licence_of
from training.sources.package_lists import CORPORA, ListedPackage, read_list

MIT = "Permission is hereby granted, free of charge, to any person obtaining a copy of this software"


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "downloads").mkdir()
    return tmp_path


def _tar(path: Path, **files: str) -> None:
    with tarfile.open(path, "w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name.replace("__", "/").replace("_DOT_", "."))
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))


def _downloaded(work: Path, row: ListedPackage) -> Path:
    """Where the archives of a package lie once they were downloaded."""
    place = work / "downloads" / f"{row.registry}-{row.package.folder}"
    place.mkdir()
    return place


def _npm(work: Path, licence: str = "MIT", **files: str) -> ListedPackage:
    row = ListedPackage("npm", "@tiny/thing", "1.0.0", "MIT")
    manifest = {"package__package_DOT_json": json.dumps({"license": licence})}
    _tar(_downloaded(work, row) / "tiny-thing-1.0.0.tgz", **manifest, **files)
    return row


def _kept(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


# -- one package ----------------------------------------------------------------------------------


def test_a_package_is_reduced_to_its_sources_and_what_tells_the_licence(work: Path) -> None:
    row = _npm(
        work,
        package__lib__a_DOT_js="function a() {}",
        package__lib__a_DOT_min_DOT_js="function a(){}",
        package__node_modules__b__b_DOT_js="function b() {}",
        package__logo_DOT_svg="<svg/>",
        package__LICENSE=MIT,
    )
    record = fetch_package(row, "javascript", work)
    folder = work / "packages" / "javascript" / "tiny-thing-1.0.0"
    assert _kept(folder) == ["LICENSE", "lib/a.js", "package.json"]
    assert (record["files"], record["bytes"], record["license_found"]) == (1, 15, "MIT")
    assert json.loads(folder.with_name("tiny-thing-1.0.0.json").read_text()) == record
    assert not list(work.rglob("*.partial")) and not list((work / "downloads").iterdir())


def test_a_package_that_is_there_is_not_fetched_again(work: Path) -> None:
    row = _npm(work, package__a_DOT_js="function a() {}")
    first = fetch_package(row, "javascript", work)
    assert fetch_package(row, "javascript", work) == first


def test_an_unfinished_package_is_made_anew(work: Path) -> None:
    row = _npm(work, package__a_DOT_js="function a() {}")
    folder = work / "packages" / "javascript" / "tiny-thing-1.0.0"
    folder.mkdir(parents=True)
    (folder / "half.js").write_text("func")
    fetch_package(row, "javascript", work)
    assert _kept(folder) == ["a.js", "package.json"]


@pytest.mark.parametrize(
    ("licence", "files", "reason"),
    [
        ("MIT", {"package__a_DOT_ts": "let a"}, "no javascript sources"),
        ("UNLICENSED", {"package__a_DOT_js": "let a"}, "no open licence: UNLICENSED"),
        ("", {"package__a_DOT_js": "let a"}, "none found"),
        (
            "MIT",
            {"package__a_DOT_js": "1", "package__LICENSE": "MIT + Commons Clause"},
            "closed: Commons Clause",
        ),
    ],
)
def test_a_package_without_sources_or_open_licence_is_left_out(
    work: Path, licence: str, files: dict[str, str], reason: str
) -> None:
    row = _npm(work, licence, **files)
    with pytest.raises(Unavailable, match=reason):
        fetch_package(row, "javascript", work)
    assert not (work / "packages").exists() or not list((work / "packages" / "javascript").iterdir())


def test_another_licence_than_the_listed_one_is_reported(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fetch_package(_npm(work, "ISC", package__a_DOT_js="let a"), "javascript", work)
    assert "has licence 'ISC', listed is 'MIT'" in capsys.readouterr().out


def test_upstream_is_taken_without_debians_patches_and_with_its_licence_file(work: Path) -> None:
    row = ListedPackage("debian-source", "tiny", "1:1.0-2", "GPL-2+")
    place = _downloaded(work, row)
    _tar(
        place / "tiny_1.0.orig.tar.gz",
        **{"tiny-1.0__src__a_DOT_c": "int a;", "tiny-1.0__inc__a_DOT_h": "int a;"},
    )
    copyright = "Format: x\n\nFiles: *\nCopyright: A\nLicense: GPL-2+\n\nFiles: debian/*\nLicense: MIT\n"
    _tar(place / "tiny_1.0-2.debian.tar.gz", debian__copyright=copyright, debian__patch_DOT_c="int b;")
    record = fetch_package(row, "c", work)
    assert _kept(work / "packages" / "c" / "tiny-1_1.0-2") == ["debian/copyright", "inc/a.h", "src/a.c"]
    assert record["license_found"] == "GPL-2+"


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb is not installed")
def test_paths_begin_where_the_project_does(work: Path) -> None:
    row = ListedPackage("debian-binary", "golang-example-dev", "1-1", "BSD")
    root = work / "root"
    control = "Package: golang-example-dev\nVersion: 1-1\nArchitecture: all\nMaintainer: A <a@example.org>\n"
    contents = {
        "DEBIAN/control": control + "Description: a\n",
        "usr/share/gocode/src/example.org/owner/project/a.go": "package a",
        "usr/share/gocode/src/example.org/owner/project/b/b.go": "package b",
        "usr/share/doc/golang-example-dev/copyright": "Files: *\nLicense: BSD-3-clause\n",
    }
    for name, text in contents.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    archive = _downloaded(work, row) / "golang-example-dev_1-1_all.deb"
    subprocess.run(["dpkg-deb", "--build", str(root), str(archive)], check=True, capture_output=True)
    fetch_package(row, "go", work)
    kept = _kept(work / "packages" / "go" / "golang-example-dev-1-1")
    assert kept == ["a.go", "b/b.go", "debian/copyright"]


def test_headers_are_kept_for_c_and_cpp_and_declarations_for_none() -> None:
    assert is_source("a.h", "c") and is_source("a.h", "cpp") and is_source("a.HPP", "cpp")
    assert is_source("a.tsx", "typescript") and not is_source("a.d.ts", "typescript")
    assert not is_source("a.h", "java") and not is_source("a.cpp", "c")


# -- archives -------------------------------------------------------------------------------------


def test_nothing_is_written_outside_the_folder(tmp_path: Path) -> None:
    archive = tmp_path / "a.whl"
    with zipfile.ZipFile(archive, "w") as wheel:
        for name in ("../evil.py", "/evil.py", "a/../../evil.py", "good.py"):
            wheel.writestr(name, "x")
    unpack(archive, tmp_path / "to")
    assert _kept(tmp_path / "to") == ["good.py"]
    assert not list(tmp_path.parent.glob("evil.py")) and not (tmp_path / "evil.py").exists()


def test_limits_on_a_file_on_all_and_on_their_number(tmp_path: Path) -> None:
    archive = tmp_path / "a.tar.gz"
    _tar(archive, a="1" * 10, b="1" * 11, c="1" * 10, d="1" * 10, e="1")
    unpack(archive, tmp_path / "to", limits=Limits(file=10, total=25, files=10))
    assert _kept(tmp_path / "to") == ["a", "c", "e"]
    unpack(archive, tmp_path / "few", limits=Limits(file=10, total=100, files=1))
    assert _kept(tmp_path / "few") == ["a"]


@pytest.mark.parametrize("name", ["a.whl", "a.tar.gz", "a.tar.xz"])
def test_a_damaged_archive_makes_a_package_unavailable(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"not an archive")
    with pytest.raises(Unavailable, match=f"cannot unpack {name}"):
        unpack(tmp_path / name, tmp_path / "to")


# -- registries -----------------------------------------------------------------------------------


def test_a_registry_that_fails_is_asked_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(fetching, "PAUSE", 0)
    answers = [Unavailable("timed out"), [tmp_path]]

    def get() -> list[Path]:
        answer = answers.pop(0)
        if isinstance(answer, Unavailable):
            raise answer
        return answer

    assert retried(get) == [tmp_path]


def test_a_registry_that_says_no_is_not_asked_again() -> None:
    calls = []

    def get() -> list[Path]:
        calls.append(1)
        raise Unavailable("npm failed: npm error code E404")

    with pytest.raises(Unavailable):
        retried(get)
    assert len(calls) == 1


def test_what_was_downloaded_needs_no_network(work: Path) -> None:
    row = _npm(work, package__a_DOT_js="let a")
    assert [path.name for path in download(row.package, work / "downloads")] == ["tiny-thing-1.0.0.tgz"]
    assert Package("debian-source", "x", "1:2-3").folder == "x-1_2-3"


# -- licences -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["MIT", "Apache-2.0", "(MIT OR GPL-3.0)", "GPL-2+", "LGPL-2.1+", "AGPL-3", "BSD-3-clause", "BSL-1.0",
     "PSF-2.0", "GNU General Public License v3 (GPLv3)", "ISC License (ISCL)", "Public Domain", "Expat",
     "MPL-2.0", "EPL-1.0"],
)  # fmt: skip
def test_open_licences(name: str) -> None:
    assert is_open(name)


@pytest.mark.parametrize(
    "name",
    ["", "Custom", "UNLICENSED", "BUSL-1.1", "SSPL-1.0", "CC-BY-NC-4.0", "Elastic License 2.0",
     "MIT + Commons Clause", "Other/Proprietary License",
     "PolyForm-Noncommercial-1.0.0", "Commercial", "SEE LICENSE IN LICENSE"],
)  # fmt: skip
def test_licences_that_are_not_open(name: str) -> None:
    assert not is_open(name)


def test_a_licence_against_training_closes_a_package(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"license": "MIT"}')
    (tmp_path / "LICENSE").write_text("You may not use it to train machine learning models.")
    assert not is_open(licence_of(tmp_path, "npm"))


def test_the_licence_of_a_wheel_is_in_its_metadata(tmp_path: Path) -> None:
    folder = tmp_path / "tiny-1.dist-info"
    folder.mkdir()
    classifiers = "Classifier: License :: OSI Approved :: MIT License\n"
    (folder / "METADATA").write_text(f"Name: tiny\nLicense: a\n  long text\n{classifiers}\n")
    assert licence_of(tmp_path, "pypi") == "MIT License"
    (folder / "METADATA").write_text(f"Name: tiny\nLicense-Expression: ISC\n{classifiers}\n")
    assert licence_of(tmp_path, "pypi") == "ISC"


def test_the_licence_is_known_by_its_text_where_nothing_names_it(tmp_path: Path) -> None:
    (tmp_path / "COPYING").write_text(MIT)
    assert licence_of(tmp_path, "npm") == "MIT"
    assert licence_of(tmp_path, "debian-source") == "MIT"


def test_a_licence_that_names_others_is_known_by_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "COPYING").write_text(
        "GNU GENERAL PUBLIC LICENSE ... see the GNU Affero General Public License"
    )
    assert licence_of(tmp_path, "debian-source") == "GPL"


def test_headers_tell_the_licence_of_a_debian_package_without_a_licence_file(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.java").write_text("/* Licensed under the Apache License, Version 2.0 */")
    (tmp_path / "c.java").write_text("/* GNU General Public License */")
    assert licence_of(tmp_path, "debian-source") == "Apache-2.0"
    assert licence_of(tmp_path, "npm") == ""


# -- lists ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(CORPORA.glob("*.json")), ids=lambda path: path.stem)
def test_a_list_names_each_package_once_with_version_and_open_licence(path: Path) -> None:
    assert path.stem in LANGUAGES
    rows = read_list(CORPORA, path.stem)
    assert len({(row.registry, row.name) for row in rows}) == len(rows)
    assert {row.registry for row in rows} <= {"pypi", "npm", "debian-binary", "debian-source"}
    assert [row for row in rows if not is_open(row.license)] == []


def test_every_language_has_a_list() -> None:
    assert {path.stem for path in CORPORA.glob("*.json")} == set(LANGUAGES)


@pytest.mark.parametrize(
    "content", ["{}", "[]", '{"packages": [{"registry": "npm", "name": "a", "version": "1"}]}', "{"]
)
def test_a_list_that_is_none_is_an_error_of_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "go.json").write_text(content)
    with pytest.raises(CodesiftError):
        read_list(tmp_path, "go")


def test_an_unknown_language_is_a_usage_error() -> None:
    assert languages_of("go, rust") == ["go", "rust"]
    with pytest.raises(UsageError, match="cobol"):
        languages_of("go,cobol")


def test_too_few_packages_make_the_command_fail(
    work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    row = _npm(work, package__a_DOT_js="let a")
    gone = {"registry": "npm", "name": "gone", "version": "1", "license": "MIT"}
    rows = [{name: getattr(row, name) for name in ListedPackage.__slots__}, gone]
    (work / "javascript.json").write_text(json.dumps({"packages": rows}))
    monkeypatch.setenv("PATH", str(work))
    command = ["fetch", "--work", str(work), "--lists", str(work), "--languages", "javascript"]
    assert main(command) == 1
    said = capsys.readouterr()
    assert "gone 1 left out: npm is not installed" in said.out
    assert "javascript: 1 of 2 packages, 1 files" in said.out
    assert "too few packages came: javascript 1 of 2" in said.err
    assert main([*command, "--at-least", "0.5"]) == 0
    assert (work / "packages" / "settings.json").is_file()


@pytest.mark.parametrize(
    "name",
    ["chi", "golang-github-go-chi-chi-dev", "node-chi", "@chi/server", "librust-chi-dev"],
)
def test_an_excluded_project_is_known_in_every_registry(name: str) -> None:
    assert candidates.is_excluded(name, {"chi"})
    assert not candidates.is_excluded(name, {"other"})
    assert not candidates.is_excluded("chico", {"chi"}) and not candidates.is_excluded(
        "express-session", {"express"}
    )


def test_a_list_is_made_of_what_has_documented_functions(work: Path) -> None:
    functions = "".join(
        f"/** Returns the number {n} of all. */\nfunction f{n}() {{ return {n}; }}\n" for n in range(20)
    )
    _npm(work, package__a_DOT_js=functions)
    few = ListedPackage("npm", "few", "1.0")
    manifest = {"package__package_DOT_json": '{"license": "MIT"}'}
    _tar(_downloaded(work, few) / "few.tgz", **manifest, package__b_DOT_js="function b() {}")
    (work / "candidates.txt").write_text("npm @tiny/thing 1.0.0\nnpm few 1.0\nnpm chi 1.0\n")
    (work / "exclude.txt").write_text("chi\n")
    command = ["javascript", str(work / "candidates.txt"), "--work", str(work), "--lists", str(work)]
    assert candidates.main([*command, "--exclude", str(work / "exclude.txt")]) == 0
    assert [row.name for row in read_list(work, "javascript")] == ["@tiny/thing"]
    packages = work / "packages" / "javascript"
    assert sorted(path.name for path in packages.iterdir()) == ["tiny-thing-1.0.0", "tiny-thing-1.0.0.json"]


def test_options_have_defaults() -> None:
    parser = argparse.ArgumentParser()
    fetch.add_arguments(parser)
    assert languages_of(parser.parse_args([]).languages) == list(LANGUAGES)
