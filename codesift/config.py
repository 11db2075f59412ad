"""The settings: every default in one place, and the five places a value may come from.

A later source wins: defaults, `[tool.codesift]` in pyproject.toml, `.codesift.toml`, `CODESIFT_*`, flags.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from codesift.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

PREFIX = "CODESIFT_"
FOREIGN_PREFIXES = ("CODESIFT_EVAL", "CODESIFT_LOG")
"""Variables that begin like ours and are read elsewhere, by the benchmarks and by the log."""

_TRUE = ("1", "true", "yes", "on")
_FALSE = ("0", "false", "no", "off")


def _number(default: float, low: float, high: float) -> Any:
    return field(default=default, metadata={"low": low, "high": high})


def _choice(default: str, *others: str) -> Any:
    return field(default=default, metadata={"choices": (default, *others)})


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run works with. Build one with `load_settings`, which checks every value."""

    model: str = "all-MiniLM-L6-v2"
    """Base model: a name `codesift models` lists, or a folder. The default's weights are in the package."""
    adapters: bool | str = field(default=True, metadata={"text": "a folder with an adapters.json"})
    """Language adapters: true for those shipped with the model, false for none, or a folder of them."""
    results: int = _number(10, 1, 10_000)
    """Results a search shows. Ten is what fits on a screen, and where NDCG and MRR are cut."""
    context: int = _number(0, 0, 10_000)
    """Lines shown around the best part; 0 shows as many as the unit and the screen make sensible."""
    max_file_size: int = _number(1_000_000, 1, 1_000_000_000)
    """Bytes. Hand-written files stay far below a megabyte; what lies above is data or generated."""
    include: tuple[str, ...] = ()
    """Patterns as in .gitignore; where there are any, only files that match one are indexed."""
    exclude: tuple[str, ...] = ()
    """Patterns as in .codesiftignore: what matches is left out, `!vendor/` brings a left-out folder back."""
    include_tests: bool = True
    """Whether searches show tests; they are indexed either way. On, because a test shows how code is used."""
    threads: int = _number(0, 0, 1024)
    """Threads to encode with; 0 is all processors this process may use."""
    cache_dir: str = field(default="", metadata={"personal": True})
    """Folder for the indexes of read-only repositories; empty is the system's place, see `cache_folder`."""
    refresh: bool = True
    """Whether a search brings a stale index up to date first. On: an answer from old code misleads."""
    color: str = _choice("auto", "always", "never")
    """Colour: `auto` is on for a terminal and off for a pipe or where NO_COLOR is set."""
    ann_links: int = _number(16, 2, 200)
    """Links of a node in the hnsw graph (M); hnswlib's own default."""
    ann_build_width: int = _number(200, 10, 10_000)
    """Candidates held while a node is linked (ef_construction); hnswlib's own default."""
    ann_search_width: int = _number(200, 10, 10_000)
    """Candidates held in a search (ef); hnswlib answers with no more than this, so it equals `candidates`."""
    lexical_weight: float = _number(1.0, 0.0, 100.0)
    """How far the words of units count, times what was fitted. Names and paths count in any case."""
    semantic_weight: float = _number(1.0, 0.0, 100.0)
    """How far the vectors count, times what was fitted; 0 silences them but for what they say of files."""
    candidates: int = _number(100, 1, 10_000)
    """Units each search hands to the ranking. 200 found nothing more (`python -m benchmarks fit`)."""

    def cache_folder(self) -> Path:
        """The user's folder for what cannot lie in a repository. It may not exist yet."""
        from pathlib import Path

        if self.cache_dir:
            return Path(os.path.expanduser(self.cache_dir))  # noqa: PTH111 - without a home, `~` stays
        from platformdirs import user_cache_path

        return user_cache_path("codesift", appauthor=False)


_FIELDS: Mapping[str, Field[Any]] = {each.name: each for each in fields(Settings)}


def load_settings(root: Path, environ: Mapping[str, str], overrides: Mapping[str, object]) -> Settings:
    """Read the settings that hold for the repository at `root`.

    Args:
        root: where pyproject.toml and .codesift.toml are looked for.
        environ: usually `os.environ`.
        overrides: values of flags; None is a flag that was not given.

    Raises:
        UsageError: a file is not TOML, a key is unknown, or a value has the wrong type or range.
    """
    values: dict[str, Any] = {}
    values.update(_from_file(root / "pyproject.toml", ("tool", "codesift")))
    values.update(_from_file(root / ".codesift.toml", ()))
    values.update(_from_environment(environ))
    values.update(_from_flags(overrides))
    return replace(Settings(), **values)


def _from_file(path: Path, table: tuple[str, ...]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for written, value in _read_table(path, table).items():
        label = f"{written} in {path.name}"
        name = _known(written, label, list(_FIELDS))
        if _FIELDS[name].metadata.get("personal"):
            # A repository that was only downloaded must not choose where files are written.
            raise UsageError(f"{label} cannot be set by a repository", f"set {PREFIX}{name.upper()} instead")
        if name in values:
            raise UsageError(f"{label} is given twice, once with dashes and once with underscores")
        values[name] = _checked(name, value, label)
    return values


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for variable, written in environ.items():
        if not variable.startswith(PREFIX) or variable.startswith(FOREIGN_PREFIXES):
            continue
        known = [PREFIX + name.upper() for name in _FIELDS]
        name = _known(variable, f"the variable {variable}", known).removeprefix(PREFIX).lower()
        if written:
            values[name] = _checked(name, _from_text(_FIELDS[name].default, written), variable)
    return values


def _from_flags(overrides: Mapping[str, object]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for written, value in overrides.items():
        label = "--" + written.replace("_", "-")
        name = _known(written, label, list(_FIELDS))
        if value is not None:
            values[name] = _checked(name, value, label)
    return values


def _read_table(path: Path, table: tuple[str, ...]) -> dict[str, Any]:
    if not path.is_file():
        return {}
    found: Any = _read_toml(path, relevant="codesift" if table else "")
    for key in table:
        found = found.get(key, {}) if isinstance(found, dict) else {}
    if not isinstance(found, dict):
        raise UsageError(f"expected a table [{'.'.join(table)}] in {path.name}, found {_shown(found)}")
    return found


def _read_toml(path: Path, relevant: str) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    # A file that never says the word has nothing for us, however broken it is (a template, say).
    return _parse_toml(path, text) if relevant in text else {}


def _parse_toml(path: Path, text: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"{path} is not valid TOML: {error}", "correct the line or remove the file"
        ) from error


def _known(written: str, label: str, known: list[str]) -> str:
    name = written.replace("-", "_")
    if name in known:
        return name
    from difflib import get_close_matches

    nearest = get_close_matches(name, known, n=1, cutoff=0.0)
    raise UsageError(f"{label} is not a setting", f"did you mean {nearest[0]}?")


def _from_text(default: object, written: str) -> object:
    """What a variable says, in the default's type; unchanged where it cannot be read as one."""
    if isinstance(default, bool):
        lowered = written.lower()
        return True if lowered in _TRUE else False if lowered in _FALSE else written
    if isinstance(default, tuple):
        return [part.strip() for part in written.split(",") if part.strip()]
    try:
        return type(default)(written) if isinstance(default, (int, float)) else written
    except ValueError:
        return written


def _checked(name: str, value: object, label: str) -> object:
    default, limits = _FIELDS[name].default, _FIELDS[name].metadata
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(default, float) and type(value) is int:
        value = float(value)
    if isinstance(default, tuple) and isinstance(value, (list, tuple)):
        value = tuple(value)
    is_text = "text" in limits and isinstance(value, str) and value
    if not is_text and (type(value) is not type(default) or not _within(value, limits)):
        raise UsageError(f"{label} must be {_expected(default, limits)}, found {_shown(value)}")
    return value


def _within(value: Any, limits: Mapping[str, Any]) -> bool:
    if isinstance(value, tuple):
        return all(isinstance(part, str) for part in value)
    if "choices" in limits:
        return value in limits["choices"]
    return "low" not in limits or limits["low"] <= value <= limits["high"]


def _expected(default: object, limits: Mapping[str, Any]) -> str:
    if "choices" in limits:
        return "one of " + ", ".join(limits["choices"])
    if "low" in limits:
        kind = "a whole number" if isinstance(default, int) else "a number"
        return f"{kind} from {limits['low']} to {limits['high']}"
    names: Iterable[tuple[type, str]] = ((bool, "true or false"), (tuple, "a list of patterns"))
    expected = next((text for kind, text in names if isinstance(default, kind)), "a text")
    return f"{expected}, or {limits['text']}" if "text" in limits else expected


def _shown(value: object) -> str:
    shown = repr(list(value) if isinstance(value, tuple) else value)
    return shown if len(shown) <= 60 else shown[:57] + "..."
