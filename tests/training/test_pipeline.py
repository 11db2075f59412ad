"""The whole pipeline in miniature, as a user runs it: from packages of PyPI to adapters that search."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from codesift.encoders import open_encoder
from codesift.models.adapters import NO_ADAPTERS, read_adapters
from codesift.models.bases import BASES, DEFAULT
from codesift.models.spaces import space_for
from evaluation.files import read_json, read_rows, write_json, write_rows
from evaluation.records import Function
from evaluation.summary import tasks_of
from training.__main__ import main

ROOT = Path(__file__).parents[2]
BASE = BASES[DEFAULT]
PACKAGES = {
    "python": {
        "itsdangerous": ("2.2.0", "BSD License"),
        "soupsieve": ("2.6", "MIT"),
        "sortedcontainers": ("2.4.0", "Apache Software License"),
        "toolz": ("1.0.0", "BSD License"),
        "inflection": ("0.5.1", "MIT License"),
    },
    # The scripts of its debugger: two languages make a combined adapter.
    "javascript": {"werkzeug": ("3.1.3", "BSD License")},
}
PARTITIONS = {
    "itsdangerous-2.2.0": "test",
    "soupsieve-2.6": "dev",
    "sortedcontainers-2.4.0": "train",
    "toolz-1.0.0": "train",
    "werkzeug-3.1.3": "train",
}
EXCLUDED = "inflection"
SYSTEMS = ("combined", "language-wise")
SHORT = ["--mix", "documentation=2,comment=1,name=1", "--pairs", "96", "--batch", "8", "--rank", "8"]
SHORT += ["--longest", "64", "--log-every", "2", "--learning-rate", "1e-3"]
TASKS = {
    "python": (
        "def total(numbers):\n    return sum(numbers)",
        "def shout(name):\n    print(name.upper())",
        "def newest(files):\n    return max(files, key=lambda f: f.stat().st_mtime)",
    ),
    "javascript": (
        "function total(numbers) { return numbers.reduce((sum, n) => sum + n, 0) }",
        "function shout(name) { console.log(name.toUpperCase()) }",
        "function newest(files) { return files.sort((a, b) => b.mtime - a.mtime)[0] }",
    ),
}
QUESTIONS = ("add up a list", "print in capital letters", "most recently changed file")


@dataclass(frozen=True)
class Miniature:
    """One pipeline, its folders and its environment."""

    folder: Path

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def results(self) -> Path:
        return self.folder / "results"

    @property
    def exported(self) -> Path:
        return self.folder / "exported"

    @property
    def eval(self) -> Path:
        return self.folder / "eval"

    def run(self, *command: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
        """Run Python in a home of its own; it must succeed."""
        private = ("CODESIFT_", "GIT_", "XDG_", "HF_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(private)}
        env = {**kept, "HOME": str(self.folder), "HF_HUB_OFFLINE": "1", **more}
        words = [sys.executable, *map(str, command)]
        done = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    def verb(self, verb: str, *arguments: str | Path, **more: str) -> str:
        """Run one verb on the work folder; returns what it printed."""
        return self.run("-m", "training", verb, "--work", self.work, *arguments, **more).stdout

    def functions(self, language: str) -> list[Function]:
        return [Function.from_json(row) for row in read_rows(self.work / "mined" / f"{language}.jsonl.gz")]


# -- the steps, each once -------------------------------------------------------------------------

LANGUAGE_OPTION = ("--languages", ",".join(PACKAGES))


@pytest.fixture(scope="module")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> Miniature:
    mini = Miniature(tmp_path_factory.mktemp("miniature"))
    for language, packages in PACKAGES.items():
        rows = [
            {"registry": "pypi", "name": name, "version": version, "license": license}
            for name, (version, license) in packages.items()
        ]
        write_json(mini.folder / "lists" / f"{language}.json", {"language": language, "packages": rows})
    _skip_without_index(mini)
    print(mini.verb("fetch", *_fetching(mini)))
    return mini


def _fetching(mini: Miniature) -> list[str]:
    return [*LANGUAGE_OPTION, "--lists", str(mini.folder / "lists"), "--at-least", "1"]


def _skip_without_index(mini: Miniature) -> None:
    """Asked apart from `fetch`, whose own failures must not pass for a missing network."""
    probe: list[str | Path] = [
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--dest",
        mini.folder / "probe",
    ]
    try:
        mini.run(*probe, "--only-binary=:all:", f"{EXCLUDED}==0.5.1")
    except AssertionError as error:
        if os.environ.get("CI"):
            raise
        said = str(error).strip().splitlines()[-1]
        pytest.skip(f"pip cannot reach its index, and these tests fetch packages: {said}")


@pytest.fixture(scope="module")
def mined(fetched: Miniature) -> tuple[Miniature, Function]:
    """Mined with one function and one project excluded; the function is given, too."""
    fetched.verb("mine", *LANGUAGE_OPTION)
    functions = fetched.functions("python")
    assert any(each.repo == EXCLUDED for each in functions)
    known = next(each for each in functions if each.repo == "toolz" and each.docstring)
    _write_eval(fetched.eval, known)
    print(fetched.verb("mine", *LANGUAGE_OPTION, "--exclude", fetched.eval))
    return fetched, known


def _write_eval(folder: Path, known: Function) -> None:
    """Evaluation data, which holds one function of the packages."""
    written = "".join(known.original_string.split()).encode()
    folder.mkdir()
    digest = hashlib.sha1(written).hexdigest()[:16]
    (folder / "exclude_sha1.txt.gz").write_bytes(gzip.compress(f"{digest}\n".encode()))
    (folder / "exclude_projects.txt").write_text(f"{EXCLUDED}\n")
    corpus = [{"id": row, "code": code} for row, code in enumerate(TASKS["python"])]
    asked = [{"id": f"q{row}", "query": text, "relevant": row} for row, text in enumerate(QUESTIONS)]
    write_rows(folder / "cosqa" / "corpus.jsonl.gz", corpus)
    write_rows(folder / "cosqa" / "dev.jsonl.gz", asked)
    solutions = [
        {"task": f"t{number}", "language": language, "code": code}
        for language, codes in TASKS.items()
        for number, code in enumerate(codes)
    ]
    write_rows(folder / "code2code" / "gfg.jsonl.gz", solutions)


@pytest.fixture(scope="module")
def trained(mined: tuple[Miniature, Function]) -> Miniature:
    mini, _ = mined
    for arguments in _trainings(mini):
        print(mini.verb("train", *arguments))
    return mini


def _trainings(mini: Miniature) -> Iterator[list[str]]:
    shared = str(mini.work / "runs" / "combined" / "adapter.safetensors")
    yield ["--name", "combined", *LANGUAGE_OPTION, *SHORT, "--steps", "10"]
    start = ["--text", shared, "--init", shared]
    yield ["--name", "python", "--languages", "python", *SHORT, *start, "--steps", "6"]


@pytest.fixture(scope="module")
def measured(trained: Miniature) -> Miniature:
    both = {"combined": ["combined"], "language-wise": ["combined", "python"]}
    for name, runs in both.items():
        print(trained.verb("compose", "--name", name, "--text", "combined", "--code", *runs))
    print(_evaluated(trained))
    return trained


def _evaluated(mini: Miniature) -> str:
    named = [f"--system={name}={mini.work / 'systems' / name}" for name in SYSTEMS]
    options: list[str | Path] = [
        "--eval",
        mini.eval,
        "--tasks",
        "packages,cosqa,code2code",
        "--name",
        "miniature",
    ]
    return mini.verb("evaluate", *options, *named, "--results", mini.results)


@pytest.fixture(scope="module")
def exported(measured: Miniature) -> Miniature:
    print(_exported(measured))
    return measured


def _exported(mini: Miniature) -> str:
    system, figures = mini.work / "systems" / "language-wise", mini.results / "miniature.json"
    return mini.verb(
        "export", "--system", system, "--to", mini.exported, "--units", "20", "--figures", figures
    )


@pytest.fixture(scope="module")
def reported(exported: Miniature) -> Miniature:
    print(exported.verb("report", "--results", exported.results))
    return exported


# -- what each step leaves, and that doing it again does nothing ------------------------------------


def contents(*folders: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()}


def times(folder: Path) -> dict[Path, int]:
    return {
        path: path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file() and path.name != "settings.json"
    }


def test_packages_are_fetched_with_what_was_found_in_them(fetched: Miniature) -> None:
    for language, packages in PACKAGES.items():
        for name, (version, license) in packages.items():
            folder = fetched.work / "packages" / language / f"{name}-{version}"
            record = read_json(folder.with_name(folder.name + ".json"))
            assert (record["name"], record["version"], record["license_found"]) == (name, version, license)
            suffix = {"python": "py", "javascript": "js"}[language]
            assert record["files"] == len(list(folder.rglob(f"*.{suffix}"))) > 0
    assert read_json(fetched.work / "packages" / "settings.json")["options"]["verb"] == "fetch"


def test_fetching_again_downloads_nothing(fetched: Miniature) -> None:
    before = times(fetched.work / "packages")
    # With these, pip finds no package anywhere.
    nothing = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull}
    said = fetched.verb("fetch", *_fetching(fetched), **nothing)
    assert "python: 5 of 5 packages" in said and "left out" not in said
    assert times(fetched.work / "packages") == before


def test_functions_are_split_by_package(mined: tuple[Miniature, Function]) -> None:
    mini, _ = mined
    functions = [each for language in PACKAGES for each in mini.functions(language)]
    assert {each.package: each.partition for each in functions} == PARTITIONS
    assert {(each.package, each.partition) for each in functions} == set(PARTITIONS.items())
    documented = [each for each in functions if each.docstring]
    assert len(documented) > 150
    assert not any(each.docstring in each.code for each in documented if len(each.docstring) > 40)


def test_what_is_evaluated_on_is_not_mined(mined: tuple[Miniature, Function]) -> None:
    mini, known = mined
    functions = mini.functions("python")
    assert not any(each.repo == EXCLUDED for each in functions)
    assert known.code not in {each.code for each in functions}
    # Functions beside the excluded one stay.
    assert any(each.path == known.path for each in functions)
    report = read_json(mini.work / "mined" / "python.report.json")
    assert report["packages"] == {"read": 4, "excluded": 1}
    assert report["left_out"]["excluded function"] == 1
    assert read_json(mini.work / "mined" / "settings.json")["options"]["exclude"] == str(mini.eval)


def test_mining_again_does_nothing(mined: tuple[Miniature, Function]) -> None:
    mini, _ = mined
    before = times(mini.work / "mined")
    said = mini.verb("mine", *LANGUAGE_OPTION, "--exclude", mini.eval)
    assert said.splitlines() == [f"{language}: there already" for language in PACKAGES]
    assert times(mini.work / "mined") == before


@pytest.mark.parametrize(("run", "steps"), [("combined", 10), ("python", 6)])
@pytest.mark.slow
def test_a_run_leaves_its_adapter_losses_and_settings(trained: Miniature, run: str, steps: int) -> None:
    folder = trained.work / "runs" / run
    rows = list(read_rows(folder / "losses.jsonl"))
    assert [row["step"] for row in rows] == list(range(2, steps + 1, 2))
    assert all(0 < row["loss"] < 10 and row["seconds"] >= 0 for row in rows)
    result = read_json(folder / "result.json")
    assert result["steps"] == steps and set(result["views"]) == {"documentation", "comment", "name"}
    assert result["share"] == pytest.approx(result["trainable"] / result["parameters"])
    assert result["packages"] == {"combined": 3, "python": 2}[run]
    tensors = load_file(folder / "adapter.safetensors")
    matrix = "encoder.layer.0.attention.self.query.weight"
    assert (tensors[f"{matrix}.A"].shape, tensors[f"{matrix}.B"].shape) == ((8, 384), (384, 8))
    assert all(tensor.dtype == np.float16 and tensor.any() for tensor in tensors.values())
    assert read_json(folder / "settings.json")["options"]["languages"] == (
        ",".join(PACKAGES) if run == "combined" else "python"
    )


@pytest.mark.slow
def test_training_again_does_nothing(trained: Miniature) -> None:
    before = times(trained.work / "runs")
    for arguments in _trainings(trained):
        assert "trained already" in trained.verb("train", *arguments)
    assert times(trained.work / "runs") == before


@pytest.mark.slow
def test_a_trained_adapter_changes_vectors_of_its_language_and_of_queries(exported: Miniature) -> None:
    folders = [exported.work / "systems" / "combined", exported.exported]
    encoders = bare, combined, language_wise = [
        open_encoder(space_for(BASE, adapters))
        for adapters in (NO_ADAPTERS, *(read_adapters(folder) for folder in folders))
    ]
    code = TASKS["python"]

    def distances(one: Any, other: Any, language: str) -> Any:
        return np.linalg.norm(one.encode(code, language) - other.encode(code, language), axis=1)

    adapted = [distances(bare, combined, "python"), distances(combined, language_wise, "python")]
    asked = [np.stack([encoder.encode_query(text) for text in QUESTIONS]) for encoder in encoders]
    adapted.append(np.linalg.norm(asked[0] - asked[1], axis=1))
    # Go has no adapter of its own: the combined one encodes it, and queries too.
    kept = [distances(combined, language_wise, "go"), np.linalg.norm(asked[1] - asked[2], axis=1)]
    kept += [_rounding(encoder, code) for encoder in encoders]
    # How far a vector moves depends on the arithmetic of the processor; only the ratio does not.
    assert np.min(adapted) > 5 * np.max(kept)


def _rounding(encoder: Any, texts: Sequence[str]) -> Any:
    """How far each vector moves when its text is encoded among others, which changes only the rounding."""
    alone = np.concatenate([encoder.encode([text], "python") for text in texts])
    others = ["x = 1\n" * count for count in (1, 5, 30)]
    among = encoder.encode([*texts, *others], "python")[: len(texts)]
    return np.linalg.norm(alone - among, axis=1)


@pytest.mark.slow
def test_systems_are_measured_side_by_side(measured: Miniature) -> None:
    text = (measured.results / "miniature.json").read_text()
    assert str(measured.folder) not in text
    found = json.loads(text)
    assert found["command"].startswith("python -m training evaluate ")
    assert re.fullmatch(r"[0-9a-f]{7,}\+?" if (ROOT / ".git").exists() else "", found["settings"]["commit"])
    tasks = tasks_of(found)
    assert set(tasks) == {"packages", "cosqa", "code2code"}
    assert found["systems"]["language-wise"]["adapters"] == {"text": 8, "other": 8, "python": 8}
    for task in tasks.values():
        for row in (*task["groups"].values(), task["all"], task["macro"]):
            assert set(row["systems"]) == {"bm25", "base", *SYSTEMS}
            assert set(row["gains"]) == {"bm25", *SYSTEMS}
            figures = [figure for system in row["systems"].values() for figure in system.values()]
            assert all(0 <= each.low <= each.value <= each.high <= 1 for each in figures)
            assert {"MRR", "NDCG@10", "recall@1", "recall@100"} <= set(row["systems"]["base"])
    packages = tasks["packages"]["groups"]
    assert list(packages) == ["python"] and packages["python"]["pools"] == 1
    # Documentation finds its function far better than chance does, which is 0.1 here.
    assert packages["python"]["systems"]["base"]["MRR"].value > 0.5
    assert list(tasks["code2code"]["groups"]) == ["javascript -> python", "python -> javascript"]


@pytest.mark.slow
def test_composing_and_evaluating_again_gives_the_same_and_encodes_nothing(measured: Miniature) -> None:
    system = measured.work / "systems" / "language-wise"
    made = load_file(system / "python.safetensors"), (system / "adapters.json").read_bytes()
    measured.verb("compose", "--name", "language-wise", "--text", "combined", "--code", "combined", "python")
    again = load_file(system / "python.safetensors"), (system / "adapters.json").read_bytes()
    assert made[1] == again[1] and all((made[0][name] == again[0][name]).all() for name in made[0])
    vectors, tasks = contents(measured.work / "vectors"), _tasks(measured)
    _evaluated(measured)
    assert contents(measured.work / "vectors") == vectors and vectors
    assert _tasks(measured) == tasks


def _tasks(mini: Miniature) -> dict[str, Any]:
    tasks = tasks_of(read_json(mini.results / "miniature.json"))
    return {
        name: {key: value for key, value in task.items() if key != "seconds"} for name, task in tasks.items()
    }


@pytest.mark.slow
def test_what_is_exported_was_checked_and_has_cards(exported: Miniature) -> None:
    settings = read_json(exported.work / "exports" / "exported" / "settings.json")
    assert set(settings["agreement"]) == {"text", "", "python"}
    assert all(each["mean"] >= 0.999 and each["units"] == 20 for each in settings["agreement"].values())
    manifest = read_json(exported.exported / "adapters.json")
    measured = tasks_of(read_json(exported.results / "miniature.json"))["packages"]["groups"]["python"]
    gained = measured["systems"]["language-wise"]["MRR"].value
    assert manifest["code"]["python"]["figures"]["adapter"] == pytest.approx(gained, abs=1e-3)
    stems = {"text", "combined", "python"}
    files = {f"{stem}{suffix}" for stem in stems for suffix in (".md", ".safetensors")}
    assert {path.name for path in exported.exported.iterdir()} == {*files, "CARD.md", "adapters.json"}
    assert "run `python`" in (exported.exported / "python.md").read_text()
    assert not any(
        str(exported.folder).encode() in content for content in contents(exported.exported).values()
    )


@pytest.mark.slow
def test_exporting_again_gives_the_same_files(exported: Miniature) -> None:
    before = contents(exported.exported)
    _exported(exported)
    assert contents(exported.exported) == before


@pytest.mark.slow
def test_the_report_has_the_tables_and_plots_and_is_the_same_again(reported: Miniature) -> None:
    page = (reported.results / "README.md").read_text()
    for said in ("Evaluation `miniature`", "BM25", *SYSTEMS, "### Losses", "python -m training train"):
        assert said in page
    plots = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", page)
    assert len(plots) >= 2 and all((reported.results / plot).stat().st_size > 1000 for plot in plots)
    assert str(reported.folder) not in page
    assert {run["name"] for run in read_json(reported.results / "runs.json")["runs"]} == {
        "combined",
        "python",
    }
    before = contents(reported.results)
    reported.verb("report", "--results", reported.results)
    assert contents(reported.results) == before


@pytest.mark.slow
def test_the_tool_searches_with_what_was_exported(
    exported: Miniature, codesift: Callable[..., Any], tmp_path: Path
) -> None:
    repository = tmp_path / "repository"
    shutil.copytree(exported.work / "packages" / "python" / "itsdangerous-2.2.0", repository)

    def meanings(adapters: str) -> dict[str, float]:
        env = os.environ | {"CODESIFT_ADAPTERS": adapters}
        asked = ("query", "how old may a signature be", "--json", "-k", "5")
        for command in (("index",), asked):
            done = codesift(*command, cwd=repository, env=env)
            assert done.returncode == 0, done.stderr
        results = json.loads(done.stdout)["results"]
        assert results[0]["language"] == "python" and results[0]["path"].startswith("itsdangerous/")
        return {row["qualified_name"]: row["signals"]["meaning"] for row in results}

    adapted, bare = meanings(str(exported.exported)), meanings("false")
    both = set(adapted) & set(bare)
    assert both and all(adapted[name] != bare[name] for name in both)


@pytest.mark.slow
def test_the_tool_lists_what_was_exported(
    exported: Miniature, codesift: Callable[..., Any], tmp_path: Path
) -> None:
    env = os.environ | {"CODESIFT_ADAPTERS": str(exported.exported)}
    listed = codesift("models", "--json", cwd=tmp_path, env=env)
    assert listed.returncode == 0, listed.stderr
    rows = json.loads(listed.stdout)["models"]
    used = {row["name"]: row["rank"] for row in rows if row["in_use"]}
    assert used == {DEFAULT: None, **{f"{DEFAULT}/{name}": 8 for name in ("text", "other", "python")}}


# -- bad input --------------------------------------------------------------------------------------

Refused = Callable[..., str]


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Refused:
    """Run a verb that must fail with one line, and return that line."""

    def run(*arguments: str | Path) -> str:
        capsys.readouterr()
        assert main([str(each) for each in arguments]) == 1
        said = capsys.readouterr().err.strip().splitlines()
        assert len(said) == 1 and said[0].startswith("error: "), said
        return said[0]

    return run


def _not_its_rows(content: bytes) -> bytes:
    rows = [json.loads(line) for line in gzip.decompress(content).splitlines()]
    for row in rows:
        row.pop("sha")
    return gzip.compress("\n".join(map(json.dumps, rows)).encode())


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut short": lambda content: content[: len(content) // 2],
    "overwritten": lambda content: content[:2000] + bytes(500) + content[2500:],
    "not compressed": lambda content: b"neither this nor that",
    "not JSON": lambda content: gzip.compress(gzip.decompress(content)[:-20]),
    "other rows": _not_its_rows,
}
READERS = {
    "train": ["train", "--name=damaged", "--languages=python"],
    "evaluate": ["evaluate", "--tasks=packages", "--languages=python"],
    "export": ["export"],
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("verb", READERS)
@pytest.mark.slow
def test_a_damaged_mined_file_is_one_line(
    verb: str, damage: str, exported: Miniature, refused: Refused, tmp_path: Path
) -> None:
    path = tmp_path / "work" / "mined" / "python.jsonl.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(DAMAGES[damage]((exported.work / "mined" / path.name).read_bytes()))
    places = ["--work", tmp_path / "work"]
    if verb == "evaluate":
        places += ["--results", tmp_path]
    if verb == "export":
        places += ["--system", exported.exported, "--to", tmp_path / "to"]
    assert str(path) in refused(*READERS[verb], *places)
    assert not (tmp_path / "to").exists()


@pytest.mark.slow
def test_a_damaged_adapter_is_one_line(exported: Miniature, refused: Refused, tmp_path: Path) -> None:
    work = tmp_path / "work"
    for part in ("mined", "runs", "systems", "vectors"):
        shutil.copytree(exported.work / part, work / part)
    paths = work / "runs" / "python" / "adapter.safetensors", work / "systems" / "language-wise"
    run, system = paths[0], paths[1] / "python.safetensors"
    for path in (run, system):
        path.write_bytes(path.read_bytes()[:-1000])
    start = ["--name=next", "--languages=python", *SHORT, "--init", run]
    commands = {
        ("train", *start): run,
        ("compose", "--name=next", "--code=python"): run,
        ("evaluate", "--tasks=packages", f"--system=x={system.parent}", f"--results={tmp_path}"): system,
        ("export", "--system", system.parent, "--to", tmp_path / "to"): system,
        ("report", "--results", exported.results): system,
    }
    for command, path in commands.items():
        languages = ["--languages=python"] if command[0] == "evaluate" else []
        assert str(path) in refused(*command, *languages, "--work", work)
    assert not (tmp_path / "to").exists()
