"""The settings: every default in one place, and the six sources of a value.

A later source overrides an earlier one: defaults, the user's own file, `[tool.codesift]` in pyproject.toml,
`.codesift.toml`, `CODESIFT_*`, flags. The two files of a repository are untrusted: they cannot set what is
personal.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import Field, dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from codesift.errors import UsageError
from codesift.system.toml import read_table, shortened, value_text

PREFIX = "CODESIFT_"
EVALUATION_PREFIX = "CODESIFT_EVAL"
"""Variables that begin so are read by the benchmarks and are no settings."""

_TRUE = ("1", "true", "yes", "on")
_FALSE = ("0", "false", "no", "off")

_SHARED_FILE_SIZE = 16_000_000
"""Maximum of `max_file_size` in bytes that a repository can set."""


_MAX_WHOLE_NUMBER = 2**53
"""Maximum magnitude of a whole number that is taken for a fractional one. All limits are far below it."""


def _number(default: float, low: float, high: float, **more: object) -> Any:
    return field(default=default, metadata={"low": low, "high": high, **more})


def _choice(default: str, *others: str, **more: object) -> Any:
    return field(default=default, metadata={"choices": (default, *others), **more})


_PERSONAL = {"personal": True}
"""Marks a setting that a repository cannot set: it leaves the root, reaches a network, or costs work."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a run. Build them with `load_settings`, which checks every value."""

    model: str = field(default="all-MiniLM-L6-v2", metadata=_PERSONAL)
    """Base model: a name `codesift models` lists, or a folder. The default's weights are in the package."""
    adapters: bool | str = field(
        default=True, metadata={**_PERSONAL, "text": "a folder with an adapters.json"}
    )
    """Language adapters: true for those shipped with the model, false for none, or a folder of them."""
    results: int = _number(10, 1, 10_000)
    """Number of results of a search. Ten results fit on a screen, and NDCG and MRR are cut at ten."""
    context: int = _number(0, 0, 10_000)
    """Number of lines around the best line; 0 for a number that depends on the unit."""
    max_file_size: int = _number(1_000_000, 1, 1_000_000_000, shared_high=_SHARED_FILE_SIZE)
    """Maximum size of a file in bytes. Hand-written files stay far below a megabyte; larger ones are data or
    generated."""
    include: tuple[str, ...] = ()
    """Patterns as in .gitignore; if there are any, only files that match one of them are indexed."""
    exclude: tuple[str, ...] = ()
    """Patterns as in .codesiftignore: files that match are left out, `!vendor/` restores a folder."""
    include_tests: bool = True
    """Whether searches return tests; they are always indexed. It is on because a test shows how code is
    used."""
    threads: int = _number(0, 0, 1024, **_PERSONAL)
    """Number of threads for encoding; 0 for all processors that this process may use."""
    device: str = field(
        default="auto",
        metadata={
            **_PERSONAL,
            "pattern": r"auto|cpu|cuda(:(0|[1-9]\d{0,2}))?|mps",
            "expected": "one of auto, cpu, cuda, cuda:N, mps",
        },
    )
    """Where to encode. `cuda`, `cuda:N` and `mps` are GPUs, which need torch; `cpu` never uses one. With
    `auto` the default model runs on the CPU without torch, and a hub model on CUDA if there is any. Vectors
    are the same but for rounding, so an index serves every device."""
    cache_dir: str = field(default="", metadata=_PERSONAL)
    """Absolute folder of the indexes; empty for the cache folder of the system, see `cache_folder`."""
    index_folder: str = _choice("cache", "repository", **_PERSONAL)
    """Place of an index: the cache folder, or `.codesift` in its repository, which is copied with it."""
    budget: float = _number(0.5, 0.0, 3600.0, **_PERSONAL)
    """Seconds that a search may spend on encoding its best results that have no vectors yet; 0 for none. The
    vectors are kept."""
    refresh: bool = field(default=True, metadata=_PERSONAL)
    """Whether a search updates a stale index first. It is on because results in old code are misleading."""
    color: str = _choice("auto", "always", "never")
    """Whether output is colored: with `auto` on a terminal, but not in a pipe or if NO_COLOR is set."""
    ann_from: int = _number(20_000, 1, 1_000_000_000, **_PERSONAL)
    """Vectors from which there is an hnsw graph. Comparing fewer takes 4 ms (2 cores of a Cascade Lake)."""
    ann_links: int = _number(16, 2, 200, **_PERSONAL)
    """Links of a node in the hnsw graph (M); this is the default of hnswlib."""
    ann_build_width: int = _number(200, 10, 10_000, **_PERSONAL)
    """Candidates while a node is inserted (ef_construction); this is the default of hnswlib."""
    ann_search_width: int = _number(200, 10, 10_000, **_PERSONAL)
    """Candidates of a search in the graph (ef). hnswlib returns no more, so it equals `candidates`."""
    lexical_weight: float = _number(1.0, 0.0, 100.0)
    """Factor of the fitted weights of the words in units. Names and paths count in any case."""
    semantic_weight: float = _number(1.0, 0.0, 100.0)
    """Factor of the fitted weights of the vectors. With 0 they only count for the sum over a file."""
    candidates: int = _number(100, 1, 10_000)
    """Number of units that each search passes to the ranking. With 200, results were not better
    (`python -m training fit`)."""

    def cache_folder(self) -> Path:
        """Return the user's folder for indexes. It may not exist yet.

        Raises:
            UsageError: the user has no home.
        """
        if self.cache_dir:
            return Path(os.path.expanduser(self.cache_dir))  # noqa: PTH111 - without a home, `~` stays
        from platformdirs import user_cache_path

        folder = user_cache_path("codesift", appauthor=False)
        # Without a home, `~` is not expanded, and a folder of that name may come with a repository.
        if not folder.is_absolute():
            raise UsageError("you have no home folder for indexes", "set CODESIFT_CACHE_DIR to a folder")
        return folder


_FIELDS: Mapping[str, Field[Any]] = {each.name: each for each in fields(Settings)}


def user_file() -> Path:
    """Return the path of the user's own settings file; it may not exist."""
    from platformdirs import user_config_path

    return user_config_path("codesift", appauthor=False) / "config.toml"


def load_settings(
    root: Path, environ: Mapping[str, str], overrides: Mapping[str, object], label: str = "--"
) -> Settings:
    """Read the settings that hold for the repository at `root`.

    Args:
        root: folder of pyproject.toml and .codesift.toml.
        environ: usually `os.environ`.
        overrides: values of flags; None is a flag that was not given.
        label: what stands before the name of an override in messages.

    Raises:
        UsageError: a file is not TOML, a key is unknown, or a value has the wrong type or range.
    """
    return _merged(_sources(root, environ, overrides, label))


def personal_settings(environ: Mapping[str, str]) -> Settings:
    """Read the user's own settings, without those of a repository.

    Raises:
        UsageError: as `load_settings`.
    """
    return _merged(_personal_sources(environ))


def settings_with_sources(root: Path, environ: Mapping[str, str]) -> list[dict[str, object]]:
    """Return a row for each setting: its name as in a file, its value, and the source of the value.

    Raises:
        UsageError: as `load_settings`.
    """
    rows = {name: (each.default, "default") for name, each in _FIELDS.items()}
    for label, values in _sources(root, environ, {}):
        rows.update((name, (value, label)) for name, value in values.items())
    return [
        {"setting": name.replace("_", "-"), "value": value, "from": label}
        for name, (value, label) in rows.items()
    ]


_Source = tuple[str, dict[str, Any]]
"""A source of settings: (label, name of a field -> value)."""


def _merged(sources: Iterable[_Source]) -> Settings:
    values: dict[str, Any] = {}
    for _, of_source in sources:
        values.update(of_source)
    return replace(Settings(), **values)


def _sources(
    root: Path, environ: Mapping[str, str], flags: Mapping[str, object], label: str = "--"
) -> Iterator[_Source]:
    """Everything that sets values, weakest first."""
    own, variables = _personal_sources(environ)
    yield own
    for path, table in ((root / "pyproject.toml", ("tool", "codesift")), (root / ".codesift.toml", ())):
        yield path.name, _from_file(path, table, shared=True)
    yield variables
    yield "flags", _from_flags(flags, label)


def _personal_sources(environ: Mapping[str, str]) -> tuple[_Source, _Source]:
    path = user_file()
    # Without a home the path is relative, and a repository may have such a file.
    values = _from_file(path, (), shared=False) if path.is_absolute() else {}
    return (str(path), values), ("environment", _from_environment(environ))


def _from_file(path: Path, table: tuple[str, ...], shared: bool) -> dict[str, Any]:
    """Read the values of a settings file.

    Args:
        path: the file, which may not exist.
        table: keys that lead to the table of the settings.
        shared: whether the file belongs to a repository and is therefore untrusted.
    """
    values: dict[str, Any] = {}
    for written, value in read_table(path, table, shared).items():
        label = f"{shortened(written)} in {path.name}"
        name = _setting_name(written, label, list(_FIELDS))
        if shared and _FIELDS[name].metadata.get("personal"):
            raise UsageError(
                f"{label} cannot be set by a repository",
                f"set it in {user_file()}, or set {PREFIX}{name.upper()}",
            )
        if name in values:
            raise UsageError(f"{label} is given twice, once with dashes and once with underscores")
        values[name] = _checked(name, value, label, shared)
        if not shared:
            values[name] = _located(name, values[name], path.parent)
    return values


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for variable, written in environ.items():
        if not variable.startswith(PREFIX) or variable.startswith(EVALUATION_PREFIX):
            continue
        variables = [PREFIX + name.upper() for name in _FIELDS]
        name = _setting_name(variable, f"the variable {shortened(variable)}", variables)
        name = name.removeprefix(PREFIX).lower()
        if written:
            value = _checked(name, _from_text(_FIELDS[name].default, written), variable)
            values[name] = _located(name, value, Path.cwd())
    return values


def _from_flags(overrides: Mapping[str, object], label: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for written, value in overrides.items():
        named = label + written.replace("_", "-")
        name = _setting_name(written, named, list(_FIELDS))
        if value is not None:
            values[name] = _checked(name, value, named)
    return values


def _located(name: str, value: object, folder: Path) -> object:
    """Resolve a relative path from the folder of its source, never from the repository.

    Raises:
        UsageError: the cache folder is relative, so that every folder would have its own.
    """
    if not isinstance(value, str):
        return value
    path = os.path.expanduser(value)  # noqa: PTH111 - without a home, `~` stays
    if name == "cache_dir" and value and not os.path.isabs(path):  # noqa: PTH117
        raise UsageError(f"cache-dir must be an absolute folder, found {value_text(value)}")
    if name == "adapters" or (name == "model" and value.startswith(("./", "../", "~"))):
        return str(folder / path)
    return value


def _setting_name(written: str, label: str, names: list[str]) -> str:
    """Check the name of a setting and return it with underscores."""
    name = written.replace("-", "_")
    if name in names:
        return name
    from difflib import get_close_matches

    nearest = get_close_matches(name, names, n=1, cutoff=0.0)
    raise UsageError(f"{label} is not a setting", f"did you mean {nearest[0]}?")


def _from_text(default: object, written: str) -> object:
    """Convert the value of a variable to the type of the default; return it unchanged if that is
    impossible."""
    if isinstance(default, bool):
        lowered = written.lower()
        return True if lowered in _TRUE else False if lowered in _FALSE else written
    if isinstance(default, tuple):
        return [part.strip() for part in written.split(",") if part.strip()]
    try:
        return type(default)(written) if isinstance(default, (int, float)) else written
    except ValueError:
        return written


def _checked(name: str, value: object, label: str, shared: bool = False) -> object:
    default, limits = _FIELDS[name].default, _FIELDS[name].metadata
    if shared and "shared_high" in limits:
        limits = MappingProxyType({**limits, "high": limits["shared_high"]})
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(default, float) and type(value) is int and abs(value) <= _MAX_WHOLE_NUMBER:
        value = float(value)
    if isinstance(default, tuple) and isinstance(value, (list, tuple)):
        value = tuple(value)
    is_text = "text" in limits and isinstance(value, str) and value
    if name in ("include", "exclude") and isinstance(value, tuple) and all(isinstance(x, str) for x in value):
        _check_patterns(value, label)
    if not is_text and (type(value) is not type(default) or not _within(value, limits)):
        raise UsageError(f"{label} must be {_expected(default, limits)}, found {value_text(value)}")
    return value


def _check_patterns(patterns: tuple[str, ...], label: str) -> None:
    from codesift.patterns.gitignore import MAX_PATTERNS_IN_SETTING, check_patterns

    check_patterns(patterns, label, MAX_PATTERNS_IN_SETTING)


def _within(value: Any, limits: Mapping[str, Any]) -> bool:
    if isinstance(value, tuple):
        return all(isinstance(part, str) for part in value)
    if "choices" in limits:
        return value in limits["choices"]
    if "pattern" in limits:
        return re.fullmatch(limits["pattern"], value) is not None
    return "low" not in limits or limits["low"] <= value <= limits["high"]


def _expected(default: object, limits: Mapping[str, Any]) -> str:
    if "choices" in limits:
        return "one of " + ", ".join(limits["choices"])
    if "expected" in limits:
        return str(limits["expected"])
    if "low" in limits:
        kind = "a whole number" if isinstance(default, int) else "a number"
        return f"{kind} from {limits['low']} to {limits['high']}"
    names: Iterable[tuple[type, str]] = ((bool, "true or false"), (tuple, "a list of patterns"))
    expected = next((text for kind, text in names if isinstance(default, kind)), "a text")
    return f"{expected}, or {limits['text']}" if "text" in limits else expected
