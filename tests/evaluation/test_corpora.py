"""The source trees that are measured on; nothing here uses the network."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from archives import tar_with_link

from evaluation.corpora import CORPORA, corpus_folder, evaluation_corpora


def test_corpora_have_different_names_and_fixed_versions() -> None:
    assert len({corpus.name for corpus in CORPORA}) == len(CORPORA)
    packages = [package for corpus in CORPORA for package in corpus.packages]
    assert all(package.version and package.version[0].isdigit() for package in packages)


def test_a_corpus_is_made_once_and_again_when_its_row_changed(tmp_path: Path) -> None:
    kept = tmp_path / "downloads" / "pypi-Flask-3.1.2"
    kept.mkdir(parents=True)
    with zipfile.ZipFile(kept / "flask-3.1.2-py3-none-any.whl", "w") as wheel:
        wheel.writestr("flask/app.py", "class Flask: ...\n")
    folder = corpus_folder("flask", tmp_path)
    (folder / "mark").touch()
    assert (corpus_folder("flask", tmp_path) / "mark").exists()
    (tmp_path / "flask.json").write_text("an older row")
    assert not (corpus_folder("flask", tmp_path) / "mark").exists()
    assert (folder / "Flask" / "flask" / "app.py").exists()


def test_evaluation_sources_come_from_the_archive(tmp_path: Path) -> None:
    (tmp_path / "data" / "repos").mkdir(parents=True)
    archive = tar_with_link(
        **{"corpora__chi__mux.go": b"package chi\n", "corpora__tokio__io.rs": b"fn a() {}\n"}
    )
    (tmp_path / "data" / "repos" / "corpora.tar.xz").write_bytes(archive.getvalue())
    folder = evaluation_corpora(tmp_path / "data", tmp_path / "to")
    assert sorted(path.name for path in folder.iterdir()) == ["chi", "tokio"]
    assert evaluation_corpora(tmp_path / "data", tmp_path / "to") == folder


def test_evaluation_sources_come_from_registries_where_there_is_no_archive(tmp_path: Path) -> None:
    kept = tmp_path / "to" / "downloads" / "npm-fastify-5.0.0"
    kept.mkdir(parents=True)
    files = {"fastify.js": b"a", "lib__reply.js": b"b", "lib__config-validator.js": b"c", "test__x.js": b"d"}
    archive = tar_with_link(**{f"package__{name}": content for name, content in files.items()})
    (kept / "fastify-5.0.0.tgz").write_bytes(archive.getvalue())
    row = {"repo": "fastify", "language": "javascript", "registry": "npm", "packages": "fastify 5.0.0"}
    rows = [{**row, "folder": "package (fastify.js + lib/*.js)", "files": 2}]
    (tmp_path / "data" / "repos").mkdir(parents=True)
    (tmp_path / "data" / "repos" / "corpora.json").write_text(json.dumps(rows))
    folder = evaluation_corpora(tmp_path / "data", tmp_path / "to") / "fastify"
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.js"))
    assert found == ["fastify.js", "lib/reply.js"]
