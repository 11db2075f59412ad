"""Settings: where they come from, which source wins, and what a mistake is answered with."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from codesift.config import Settings, load_settings, personal_settings, settings_with_sources, user_file
from codesift.errors import StorageError, UsageError
from codesift.index import trust


def write(root: Path, name: str, text: str) -> None:
    (root / name).write_text(text, encoding="utf-8")


def complaint(root: Path, environ: dict[str, str] | None = None, **overrides: object) -> str:
    with pytest.raises(UsageError) as caught:
        load_settings(root, environ or {}, overrides)
    return str(caught.value)


def test_without_any_source_the_defaults_hold(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, {}, {})
    assert settings == Settings()
    assert (settings.model, settings.results, settings.max_file_size) == ("all-MiniLM-L6-v2", 10, 1_000_000)
    assert (settings.ann_links, settings.ann_build_width, settings.ann_search_width) == (16, 200, 200)


def test_each_source_wins_over_the_one_before(tmp_path: Path) -> None:
    write(
        tmp_path,
        "pyproject.toml",
        "[tool.codesift]\nresults = 1\ncontext = 1\nlexical-weight = 1\ncandidates = 1\n",
    )
    write(tmp_path, ".codesift.toml", "context = 2\nlexical-weight = 2\ncandidates = 2\n")
    environ = {"CODESIFT_LEXICAL_WEIGHT": "3", "CODESIFT_CANDIDATES": "3"}
    settings = load_settings(tmp_path, environ, {"candidates": 4})
    assert (settings.results, settings.context, settings.lexical_weight, settings.candidates) == (1, 2, 3, 4)


def test_a_flag_that_was_not_given_changes_nothing(tmp_path: Path) -> None:
    write(tmp_path, ".codesift.toml", "results = 5\n")
    assert load_settings(tmp_path, {}, {"results": None}).results == 5


def test_an_empty_variable_is_one_that_is_not_set(tmp_path: Path) -> None:
    assert load_settings(tmp_path, {"CODESIFT_RESULTS": ""}, {}).results == 10


@pytest.mark.parametrize("key", ["max-file-size", "max_file_size"])
def test_dashes_and_underscores_are_the_same(tmp_path: Path, key: str) -> None:
    write(tmp_path, ".codesift.toml", f"{key} = 500\n")
    assert load_settings(tmp_path, {}, {}).max_file_size == 500
    assert load_settings(tmp_path, {}, {key: 600}).max_file_size == 600


def test_a_key_written_both_ways_is_refused(tmp_path: Path) -> None:
    write(tmp_path, ".codesift.toml", "max-file-size = 500\nmax_file_size = 600\n")
    assert "given twice" in complaint(tmp_path)


def test_every_key_can_be_set_by_a_variable(tmp_path: Path) -> None:
    samples = {bool: "off", int: "17", float: "0.25", str: "never", tuple: "a/, *.x"}
    environ = {f"CODESIFT_{f.name.upper()}": samples[type(f.default)] for f in fields(Settings)}
    environ |= {"CODESIFT_INDEX_FOLDER": "repository", "CODESIFT_CACHE_DIR": "/never"}
    environ["CODESIFT_DEVICE"] = "cuda:1"
    settings = load_settings(tmp_path, environ, {})
    assert all(getattr(settings, f.name) != f.default for f in fields(Settings))
    assert (settings.include_tests, settings.lexical_weight) == (False, 0.25)
    assert settings.exclude == ("a/", "*.x")


@pytest.mark.parametrize(
    ("written", "value"), [("1", True), ("YES", True), ("true", True), ("0", False), ("Off", False)]
)
def test_a_variable_says_yes_or_no_in_the_usual_ways(tmp_path: Path, written: str, value: bool) -> None:
    assert load_settings(tmp_path, {"CODESIFT_REFRESH": written}, {}).refresh is value


def test_lists_and_whole_numbers_become_what_the_setting_holds(tmp_path: Path) -> None:
    write(tmp_path, ".codesift.toml", 'include = ["src/", "!src/old/"]\nlexical_weight = 2\n')
    settings = load_settings(tmp_path, {}, {"exclude": ["docs/"]})
    assert (settings.include, settings.exclude) == (("src/", "!src/old/"), ("docs/",))
    assert settings.lexical_weight == 2.0 and isinstance(settings.lexical_weight, float)


def test_an_unknown_key_names_its_file_and_the_nearest_one(tmp_path: Path) -> None:
    write(tmp_path, ".codesift.toml", "max-filesize = 3\n")
    assert (
        complaint(tmp_path) == "max-filesize in .codesift.toml is not a setting (did you mean max_file_size?)"
    )


def test_an_unknown_key_of_pyproject_is_an_error_too(tmp_path: Path) -> None:
    write(tmp_path, "pyproject.toml", "[tool.codesift]\nresult = 3\n")
    assert complaint(tmp_path) == "result in pyproject.toml is not a setting (did you mean results?)"


def test_an_unknown_variable_and_an_unknown_flag_are_errors(tmp_path: Path) -> None:
    assert "CODESIFT_MODLE is not a setting (did you mean CODESIFT_MODEL?)" in complaint(
        tmp_path, {"CODESIFT_MODLE": "x"}
    )
    assert "--modle is not a setting (did you mean model?)" in complaint(tmp_path, modle="x")


def test_variables_of_the_benchmarks_are_not_settings(tmp_path: Path) -> None:
    environ = {"CODESIFT_EVAL": "x", "CODESIFT_EVAL_DATA": "y", "CODE": "z"}
    assert load_settings(tmp_path, environ, {}) == Settings()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("results = 'ten'", "results in .codesift.toml must be a whole number from 1 to 10000, found 'ten'"),
        ("results = 0", "must be a whole number from 1 to 10000, found 0"),
        ("results = 2.5", "must be a whole number from 1 to 10000, found 2.5"),
        ("results = true", "must be a whole number from 1 to 10000, found True"),
        ("lexical_weight = nan", "must be a number from 0.0 to 100.0, found nan"),
        ("include_tests = 'yes'", "include_tests in .codesift.toml must be true or false, found 'yes'"),
        ("exclude = 'docs'", "must be a list of patterns, found 'docs'"),
        ("exclude = [1]", "must be a list of patterns, found [1]"),
        ("color = 'sometimes'", "must be one of auto, always, never, found 'sometimes'"),
    ],
)
def test_a_wrong_value_is_answered_with_what_was_expected(tmp_path: Path, line: str, message: str) -> None:
    write(tmp_path, ".codesift.toml", line + "\n")
    assert message in complaint(tmp_path)


def test_a_wrong_variable_is_named_as_it_is_written(tmp_path: Path) -> None:
    assert "CODESIFT_RESULTS must be a whole number from 1 to 10000, found 'many'" in complaint(
        tmp_path, {"CODESIFT_RESULTS": "many"}
    )
    assert "CODESIFT_REFRESH must be true or false, found 'maybe'" in complaint(
        tmp_path, {"CODESIFT_REFRESH": "maybe"}
    )


def test_a_wrong_flag_is_named_as_it_is_typed(tmp_path: Path) -> None:
    assert complaint(tmp_path, max_file_size=-1).startswith("--max-file-size must be a whole number from 1")


def test_broken_toml_is_answered_with_file_and_line(tmp_path: Path) -> None:
    write(tmp_path, ".codesift.toml", "results = 3\ncontext = = 4\n")
    message = complaint(tmp_path)
    assert str(tmp_path / ".codesift.toml") in message and "line 2" in message


@pytest.mark.parametrize("text", ["a = " + "[" * 100_000, "a = " + "9" * 10_000])
def test_toml_made_to_exhaust_the_parser_is_an_error_like_others(tmp_path: Path, text: str) -> None:
    write(tmp_path, ".codesift.toml", text)
    assert ".codesift.toml" in complaint(tmp_path)


def test_a_file_that_is_not_text_is_an_error(tmp_path: Path) -> None:
    (tmp_path / ".codesift.toml").write_bytes(b"results = 3 # caf\xe9\n")
    assert "cannot be read" in complaint(tmp_path)


def test_a_pyproject_that_says_nothing_to_us_may_be_broken(tmp_path: Path) -> None:
    write(tmp_path, "pyproject.toml", "[project]\nname = {{ cookiecutter.name }}\n")
    assert load_settings(tmp_path, {}, {}) == Settings()


def test_the_table_of_pyproject_must_be_a_table(tmp_path: Path) -> None:
    write(tmp_path, "pyproject.toml", "[tool]\ncodesift = 3\n")
    assert "expected a table [tool.codesift] in pyproject.toml, found 3" in complaint(tmp_path)


def test_other_tools_of_pyproject_are_not_looked_at(tmp_path: Path) -> None:
    write(tmp_path, "pyproject.toml", "[tool.other]\nresults = 3\n# codesift\n")
    assert load_settings(tmp_path, {}, {}) == Settings()


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    (tmp_path / ".codesift.toml").write_bytes(b"\xef\xbb\xbfresults = 3\n")
    assert load_settings(tmp_path, {}, {}).results == 3


def test_a_repository_does_not_choose_where_files_are_written(tmp_path: Path) -> None:
    write(tmp_path, ".codesift.toml", "cache_dir = '/somewhere'\n")
    message = complaint(tmp_path)
    assert "cannot be set by a repository" in message and "CODESIFT_CACHE_DIR" in message


PERSONAL = ["model", "adapters", "refresh", "threads", "device", "cache-dir", "index-folder", "ann-links"]
SAMPLES = {"model": "'other'", "adapters": "false", "refresh": "false", "threads": "2", "ann-links": "20"}


@pytest.mark.parametrize("key", PERSONAL)
@pytest.mark.parametrize("name", ["pyproject.toml", ".codesift.toml"])
def test_what_is_personal_is_an_error_in_a_repository(tmp_path: Path, key: str, name: str) -> None:
    head = "[tool.codesift]\n" if name == "pyproject.toml" else ""
    write(tmp_path, name, f"{head}{key} = {SAMPLES.get(key, repr('x'))}\n")
    message = complaint(tmp_path)
    assert f"{key} in {name} cannot be set by a repository" in message
    assert str(user_file()) in message and f"CODESIFT_{key.upper().replace('-', '_')}" in message


@pytest.mark.parametrize("name", ["auto", "cpu", "cuda", "cuda:0", "cuda:12", "mps"])
def test_a_device_is_a_cpu_or_a_gpu(tmp_path: Path, name: str) -> None:
    assert load_settings(tmp_path, {"CODESIFT_DEVICE": name}, {}).device == name
    assert load_settings(tmp_path, {"CODESIFT_DEVICE": "cpu"}, {"device": name}).device == name


@pytest.mark.parametrize("name", ["gpu", "CUDA", "cuda:", "cuda:x", "cuda:01", "cuda:-1", "mps:0", "cpu\n"])
def test_another_device_is_an_error_that_names_all(tmp_path: Path, name: str) -> None:
    message = complaint(tmp_path, device=name)
    assert message.startswith("--device must be one of auto, cpu, cuda, cuda:N, mps, found ")
    assert complaint(tmp_path, {"CODESIFT_DEVICE": name}).startswith("CODESIFT_DEVICE must be one of auto")


def test_the_users_own_file_may_set_what_is_personal_and_is_the_weakest(tmp_path: Path) -> None:
    user_file().parent.mkdir(parents=True)
    user_file().write_text(
        "model = 'mine'\nresults = 3\ncontext = 3\nindex-folder = 'repository'\nadapters = 'own'\n"
    )
    write(tmp_path, ".codesift.toml", "results = 4\n")
    settings = load_settings(tmp_path, {"CODESIFT_CONTEXT": "5"}, {})
    assert (settings.model, settings.index_folder) == ("mine", "repository")
    assert (settings.results, settings.context) == (4, 5)
    assert settings.adapters == str(user_file().parent / "own"), "seen from the file that names it"
    assert personal_settings({}).results == 3


def test_a_folder_of_adapters_is_never_seen_from_the_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    settings = load_settings(tmp_path, {"CODESIFT_ADAPTERS": "own"}, {})
    assert settings.adapters == str(tmp_path / "here" / "own")


def test_a_relative_cache_folder_is_refused(tmp_path: Path) -> None:
    assert "must be an absolute folder" in complaint(tmp_path, {"CODESIFT_CACHE_DIR": ".cache"})
    user_file().parent.mkdir(parents=True)
    user_file().write_text("cache-dir = 'mine'\nmodel = './mine'\n")
    assert "must be an absolute folder" in complaint(tmp_path)
    user_file().write_text("model = './mine'\n")
    assert load_settings(tmp_path, {}, {}).model == str(user_file().parent / "mine")


def test_a_mistake_in_the_users_own_file_is_named(tmp_path: Path) -> None:
    user_file().parent.mkdir(parents=True)
    user_file().write_text("modle = 'x'\n")
    assert "modle in config.toml is not a setting" in complaint(tmp_path)


def test_a_repository_can_ask_for_files_of_16_megabytes_and_no_more(tmp_path: Path) -> None:
    write(tmp_path, ".codesift.toml", "max-file-size = 16_000_000\n")
    assert load_settings(tmp_path, {}, {}).max_file_size == 16_000_000
    write(tmp_path, ".codesift.toml", "max-file-size = 16_000_001\n")
    assert "from 1 to 16000000" in complaint(tmp_path)
    write(tmp_path, ".codesift.toml", "")
    assert load_settings(tmp_path, {"CODESIFT_MAX_FILE_SIZE": "900000000"}, {}).max_file_size == 900_000_000


HOSTILE = {
    "dotted key": "a" + ".a" * 20_000 + " = 1\n",
    "dotted header": "[a" + ".a" * 20_000 + "]\n",
    "many dotted keys": "".join(f"k{n}{'.a' * 400} = 1\n" for n in range(1_000)),
    "quoted parts": '"!"' + '."!"' * 20_000 + " = 1\n",
    "inline table": "a = {" * 50_000,
    "a megabyte": "# " + "x" * 1_100_000,
    "long key": "a" * 100_000 + " = 1\n",
    "long value": "results = '" + "a" * 100_000 + "'\n",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_toml_is_one_short_line(tmp_path: Path, kind: str) -> None:
    text = HOSTILE[kind]
    write(tmp_path, ".codesift.toml", text)
    message = complaint(tmp_path)
    assert ".codesift.toml" in message and len(message) < 600 and "\n" not in message
    write(tmp_path, ".codesift.toml", "")
    write(tmp_path, "pyproject.toml", text + "# codesift\n")
    if kind not in ("many dotted keys", "long key", "long value"):  # Other programs may have such keys.
        assert "pyproject.toml" in complaint(tmp_path)


@pytest.mark.parametrize("kind", ["pipe", "folder", "link", "device"])
def test_what_is_no_file_is_not_waited_for(tmp_path: Path, kind: str) -> None:
    for name in (".codesift.toml", "pyproject.toml"):
        path = tmp_path / name
        if kind == "pipe":
            os.mkfifo(path)
        elif kind == "folder":
            path.mkdir()
        else:
            path.symlink_to("/dev/zero" if kind == "device" else tmp_path / "other")
        if name == ".codesift.toml":
            assert "cannot be read" in complaint(tmp_path)
            path.unlink() if kind != "folder" else path.rmdir()
        else:
            assert load_settings(tmp_path, {}, {}) == Settings()


def test_without_a_home_no_folder_of_a_repository_stands_in_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in ("config", "cache", "data"):
        # What `expanduser` leaves where the user has neither HOME nor an entry among the system's users.
        monkeypatch.setattr(f"platformdirs.user_{kind}_path", lambda *_, **__: Path("~", "codesift"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "~" / "codesift").mkdir(parents=True)
    (tmp_path / "~" / "codesift" / "config.toml").write_text("model = 'theirs'\n")
    assert load_settings(tmp_path, {}, {}) == Settings()
    with pytest.raises(UsageError, match="no home folder"):
        Settings().cache_folder()
    with pytest.raises(StorageError, match="no home folder"):
        trust.signature(b"x")


def test_every_setting_is_shown_with_its_source(tmp_path: Path) -> None:
    write(tmp_path, ".codesift.toml", "results = 4\n")
    rows = {row["setting"]: row for row in settings_with_sources(tmp_path, {"CODESIFT_CONTEXT": "5"})}
    assert set(rows) == {f.name.replace("_", "-") for f in fields(Settings)}
    assert (rows["results"]["value"], rows["results"]["from"]) == (4, ".codesift.toml")
    assert (rows["context"]["value"], rows["context"]["from"]) == (5, "environment")
    assert rows["model"]["from"] == "default"


def test_the_cache_folder_is_the_users_unless_one_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert load_settings(tmp_path, {}, {}).cache_folder().name == "codesift"
    given = load_settings(tmp_path, {"CODESIFT_CACHE_DIR": "~/mine"}, {})
    assert given.cache_folder() == tmp_path / "mine"
    assert load_settings(tmp_path, {}, {"cache_dir": tmp_path / "x"}).cache_folder() == tmp_path / "x"


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Settings().results = 3  # type: ignore[misc]


def test_loading_defaults_imports_nothing_heavy(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from codesift.config import load_settings\n"
        "load_settings(Path(sys.argv[1]), {}, {})\n"
        "print(sorted({'tomllib', 'tomli', 'difflib', 'numpy', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("digits", [20, 400, 4_000])
def test_a_whole_number_too_large_for_a_fractional_one_is_refused(tmp_path: Path, digits: int) -> None:
    (tmp_path / "pyproject.toml").write_text(
        f"[tool.codesift]\nlexical_weight = {'9' * digits}\n", encoding="utf-8"
    )
    with pytest.raises(UsageError, match=r"must be a number from 0\.0 to 100\.0"):
        load_settings(tmp_path, {}, {})
