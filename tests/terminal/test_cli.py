"""The other verbs, the settings and the whole way of an index, as typed."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import write
from indexes import index_of
from installed import Run
from repositories import failed
from tiny_models import adapters

from codesift import __version__
from codesift.models.adapters import read_adapters
from codesift.models.bases import BASES, DEFAULT

VERBS = ("index", "query", "similar", "status", "models", "clean")


def counts(output: str) -> dict[str, int]:
    """`2 embedded, 3 reused` -> {"embedded": 2, "reused": 3}"""
    found = re.findall(r"([\d,]+) (parsed|removed|embedded|reused)", output)
    return {name: int(number.replace(",", "")) for number, name in found}


# -- help, version, completion --------------------------------------------------------------------


def test_version_and_help(codesift: Run) -> None:
    assert codesift("--version").stdout == f"codesift {__version__}\n"
    shown = codesift("--help")
    assert shown.returncode == 0 and all(verb in shown.stdout for verb in VERBS)
    assert "codesift query" in shown.stdout
    assert codesift("-h").stdout == shown.stdout


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_every_verb_has_an_example(codesift: Run, verb: str) -> None:
    shown = codesift(verb, "--help")
    assert shown.returncode == 0 and f"Example: codesift {verb}" in shown.stdout


def test_without_a_verb_or_with_an_unknown_one_the_exit_is_2(codesift: Run) -> None:
    assert codesift().returncode == 2
    done = codesift("serach", "x")
    assert done.returncode == 2 and "serach" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_completion_script(codesift: Run, shell: str) -> None:
    done = codesift(env={**os.environ, "_CODESIFT_COMPLETE": f"source_{shell}"})
    assert done.returncode == 0 and "_CODESIFT_COMPLETE" in done.stdout


def test_verbs_are_completed(codesift: Run) -> None:
    asked = {"_CODESIFT_COMPLETE": "complete_bash", "COMP_WORDS": "codesift si", "COMP_CWORD": "1"}
    assert codesift(env={**os.environ, **asked}).stdout.split() == ["similar"]


# -- the way of an index --------------------------------------------------------------------------


def test_only_what_changed_is_done_again(codesift: Run, own_harbour: Path) -> None:
    unchanged = codesift("index", cwd=own_harbour)
    assert unchanged.returncode == 0 and unchanged.stderr == ""
    assert counts(unchanged.stdout) == {"parsed": 0, "removed": 0, "embedded": 0, "reused": 0}

    tides = own_harbour / "berths" / "tides.py"
    tides.write_text(tides.read_text().replace("highest tide", "highest flood"))
    changed = counts(codesift("index", cwd=own_harbour).stdout)
    assert (changed["parsed"], changed["embedded"]) == (1, 1)
    best = json.loads(codesift("query", "flood", "--lexical", "--json", cwd=own_harbour).stdout)["results"][0]
    assert best["name"] == "next_high_water" and "highest flood" in best["snippet"]


def test_a_moved_file_costs_no_embedding_and_a_deleted_one_is_not_found(
    codesift: Run, own_harbour: Path
) -> None:
    (own_harbour / "berths" / "quay.py").rename(own_harbour / "quay.py")
    (own_harbour / "web" / "schedule.js").unlink()
    report = counts(codesift("index", cwd=own_harbour).stdout)
    assert (report["embedded"], report["removed"]) == (0, 2)
    found = codesift("query", "mooring fee debounce", "--lexical", "--files", cwd=own_harbour).stdout
    assert "quay.py" in found.split() and "schedule.js" not in found


def test_a_search_refreshes_unless_it_is_told_not_to(codesift: Run, own_harbour: Path) -> None:
    write(own_harbour, "berths/lock.py", "def open_sluice():\n    return 'gate'\n")
    stale = codesift("query", "open_sluice", "--lexical", "--no-refresh", cwd=own_harbour)
    assert "lock.py" not in stale.stdout
    fresh = codesift("query", "open_sluice", "--lexical", "--files", "-k", "1", cwd=own_harbour)
    assert fresh.stdout == "berths/lock.py\n"


def test_the_first_search_builds_the_index_and_says_so(
    codesift: Run, git: Callable[..., None], tmp_path: Path
) -> None:
    write(tmp_path, "src/sluice.py", "def open_sluice():\n    return 'gate'\n")
    write(tmp_path, "out/made.py", "def made_sluice():\n    return 'gate'\n")
    write(tmp_path, ".gitignore", "out/\n")
    git(tmp_path, "init", "-q")
    done = codesift("query", "how do I let water into the lock", "--files", cwd=tmp_path / "src")
    assert done.returncode == 0 and done.stdout.split()[0] == "sluice.py"
    assert "building it" in done.stderr and "made.py" not in done.stdout
    git(tmp_path, "add", "-A")
    assert not (tmp_path / ".git" / "index").read_bytes().count(b".codesift/")


def test_index_reports_files_units_vectors_and_what_was_skipped(codesift: Run, tmp_path: Path) -> None:
    write(tmp_path, "a.py", "def sluice():\n    return 'gate'\n")
    (tmp_path / "b.dat").write_bytes(b"\0\1" * 500)
    done = codesift("index", tmp_path, "--threads", "1")
    first, *rows = done.stdout.splitlines()
    assert first.startswith(f"Indexed {tmp_path} in ") and first.endswith(" s")
    shown = {row.split()[0]: " ".join(row.split()[1:]) for row in rows}
    assert shown["files"] == "1, 1 parsed, 0 removed" and shown["units"] == "1"
    assert shown["vectors"] == "1 of 1 units, 1 embedded, 0 reused" and shown["skipped"].startswith("1: ")
    quiet = codesift("index", tmp_path, "--quiet")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")


def test_a_device_that_is_missing_stops_the_index_and_no_search(codesift: Run, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    write(tmp_path, "a.py", "def sluice():\n    return 'gate'\n")
    failed(codesift("index", tmp_path, "--device", "cuda:99", "--quiet"), "cuda:99", "--device cpu")
    assert "1 embedded" in codesift("index", tmp_path, "--device", "cpu").stdout
    found = codesift("query", "what does the gate", "--files", "--device", "cuda:99", cwd=tmp_path)
    assert (found.returncode, found.stdout, found.stderr) == (0, "a.py\n", "")
    # An index made on one device is in step for another.
    assert "0 embedded" in codesift("index", tmp_path, "--device", "cuda:99").stdout


# -- status, models, clean ------------------------------------------------------------------------


def test_status_tells_what_is_indexed_with_which_model(codesift: Run, harbour: Path) -> None:
    told = json.loads(codesift("status", "--json", cwd=harbour / "web").stdout)
    assert told["root"] == str(harbour) and told["model"] == "all-MiniLM-L6-v2"
    assert (told["files"], told["units"], told["vectors_ready"]) == (6, 33, 33)
    assert told["languages"] == {"python": 14, "go": 9, "javascript": 9, "text": 1}
    assert told["size_bytes"] > 10_000
    rows = dict(line.split("\t") for line in codesift("status", cwd=harbour).stdout.splitlines())
    assert rows["units"] == "33" and rows["model"] == "all-MiniLM-L6-v2"


def test_status_without_an_index_is_exit_2(codesift: Run, tmp_path: Path) -> None:
    done = codesift("status", cwd=tmp_path)
    assert done.returncode == 2 and "there is no index" in done.stderr and "codesift index" in done.stderr


def test_models_lists_the_default_as_used_with_its_files(codesift: Run, tmp_path: Path) -> None:
    rows = json.loads(codesift("models", "--json", cwd=tmp_path).stdout)["models"]
    default = next(row for row in rows if row["name"] == "all-MiniLM-L6-v2")
    assert (default["dimensions"], default["license"], default["in_use"]) == (384, "Apache-2.0", True)
    assert Path(default["files"], "model.json").is_file()
    assert rows[0] is default and all(
        row["in_use"] for row in rows if row["name"].startswith(default["name"])
    )
    assert not any(row["in_use"] for row in rows if not row["name"].startswith(default["name"]))
    header, *lines = codesift("models", cwd=tmp_path).stdout.splitlines()
    assert header.split("\t")[:3] == ["name", "language", "in_use"] and len(lines) == len(rows)


def test_a_query_with_a_damaged_adapter_is_one_line_and_exit_2(
    codesift: Run, own_harbour: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = adapters(own_harbour / "own", Path(BASES[DEFAULT].folder), ["text", "go"])
    exported = {
        name: {"file": Path(each.path).name, "sha256": each.sha256, "rank": each.rank}
        for name, each in read_adapters(manifest).named().items()
    }
    text = exported.pop("text")
    manifest.write_text(json.dumps({"format": 1, "base": DEFAULT, "text": text, "code": exported}))
    monkeypatch.setenv("CODESIFT_ADAPTERS", str(own_harbour / "own"))
    told = json.loads(codesift("status", "--json", cwd=own_harbour).stdout)
    assert told["adapters"] == ["text", "go"] and told["vectors_ready"] == 0
    (manifest.parent / "text.safetensors").write_bytes(b"cut")
    done = codesift("query", "ship", "--lexical", "--no-refresh", cwd=own_harbour)
    assert done.returncode == 0, "words need no model"
    for command in (["index"], ["query", "ship"], ["similar", "-", "--code", "text"]):
        done = codesift(*command, cwd=own_harbour / "web", input="where ships lie")
        assert done.returncode == 2 and "is damaged" in done.stderr
        assert "text.safetensors" in done.stderr and len(done.stderr.splitlines()) == 1
    (manifest.parent / "text.safetensors").unlink()
    done = codesift("query", "ship", cwd=own_harbour)
    assert done.returncode == 2 and "there is no adapter" in done.stderr


def test_clean_deletes_the_index_and_nothing_else(codesift: Run, own_harbour: Path) -> None:
    done = codesift("clean", cwd=own_harbour / "web")
    assert done.returncode == 0 and str(index_of(own_harbour)) in done.stderr
    assert not index_of(own_harbour).exists() and (own_harbour / "web" / "schedule.js").is_file()
    again = codesift("clean", cwd=own_harbour)
    assert again.returncode == 2 and "there is no index" in again.stderr


# -- settings -------------------------------------------------------------------------------------


def test_flags_win_over_the_environment_over_both_files(codesift: Run, own_harbour: Path) -> None:
    def shown(*flags: str, **variables: str) -> int:
        done = codesift(
            *("query", "ship water tide", "--lexical", "--no-refresh", "--vimgrep", *flags),
            cwd=own_harbour,
            env={**os.environ, **variables},
        )
        return len(done.stdout.splitlines())

    write(own_harbour, "pyproject.toml", "[tool.codesift]\nresults = 1\n")
    assert shown() == 1
    write(own_harbour, ".codesift.toml", "results = 2\n")
    assert shown() == 2
    assert shown(CODESIFT_RESULTS="3") == 3
    assert shown("-k", "4", CODESIFT_RESULTS="3") == 4


@pytest.mark.parametrize(
    ("file", "text", "variable", "message"),
    [
        (".codesift.toml", "resluts = 1\n", "", "did you mean results?"),
        ("pyproject.toml", "[tool.codesift]\nresults = 'many'\n", "", "must be a whole number"),
        ("notes.txt", "", "CODESIFT_MODLE", "did you mean CODESIFT_MODEL?"),
    ],
)
def test_a_wrong_setting_is_an_error_that_names_the_right_one(
    codesift: Run, tmp_path: Path, file: str, text: str, variable: str, message: str
) -> None:
    write(tmp_path, file, text)
    env = {**os.environ, **({variable: "x"} if variable else {})}
    done = codesift("query", "x", cwd=tmp_path, env=env)
    assert (done.returncode, done.stdout) == (2, "") and message in done.stderr
    assert not (tmp_path / ".codesift").exists()


def test_settings_leave_out_files_and_tests(codesift: Run, own_harbour: Path) -> None:
    write(own_harbour, ".codesift.toml", 'exclude = ["*.js"]\ninclude_tests = false\n')
    done = codesift("query", "water checksum test", "--lexical", "--files", "-k", "50", cwd=own_harbour)
    found = {path for path in done.stdout.split() if path != ".codesift.toml"}
    assert found == {"berths/tides.py", "docs/anchoring.md", "radio/ais.go"}


def test_a_wrong_setting_does_not_keep_an_index_from_being_deleted(codesift: Run, tmp_path: Path) -> None:
    write(tmp_path, "a.py", "def f():\n    return 1\n")
    assert codesift("index", tmp_path, "-q").returncode == 0
    write(tmp_path, ".codesift.toml", "nonsense = 1\n")
    assert codesift("query", "f", "--root", tmp_path).returncode == 2
    assert codesift("clean", "--root", tmp_path).returncode == 0
    assert not (tmp_path / ".codesift").exists()


def test_config_shows_settings_their_sources_and_the_users_own_file(
    codesift: Run, own_harbour: Path, own_home: Path
) -> None:
    own = own_home / ".config/codesift/config.toml"
    assert codesift("config", "--path", cwd=own_harbour).stdout == f"{own}\n"
    write(own_harbour, ".codesift.toml", "results = 4\n")
    found = json.loads(codesift("config", "--json", cwd=own_harbour).stdout)["settings"]
    assert {"setting": "results", "value": 4, "from": ".codesift.toml"} in found
    assert "results\t4\t.codesift.toml" in codesift("config", cwd=own_harbour).stdout.splitlines()
    own.parent.mkdir(parents=True)
    own.write_text("refresh = false\n", encoding="utf-8")
    write(own_harbour, "new.py", "def needle():\n    return 1\n")
    hits = json.loads(codesift("query", "needle", "--json", cwd=own_harbour).stdout)["results"]
    assert "new.py" not in {hit["path"] for hit in hits}


@pytest.mark.parametrize("target", ["a" * 300 + ".py:1", "a\nb:1", ":", "x" * 9000, "a:" * 400])
def test_a_target_that_names_no_file_is_one_line(codesift: Run, own_harbour: Path, target: str) -> None:
    done = codesift("similar", target, cwd=own_harbour)
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done
