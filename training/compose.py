"""Put trained adapters together into one system: what encodes queries, and what encodes each language.

    python -m training compose --name language-wise --text combined --code combined python c=combined:0.5

`RUN:FACTOR` scales an adapter's change: 0 is the base, 1 what was trained. `LANGUAGE=RUN` says which language
it encodes.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from codesift.errors import CodesiftError, UsageError
from evaluation.files import read_json, settings_of, write_json
from evaluation.records import LANGUAGES

MANIFEST = "adapters.json"
OTHERS = ""
"""The key of languages that have no adapter of their own."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb `compose`."""
    parser.add_argument("--name", required=True, help="of the system, a folder under WORK/systems")
    parser.add_argument("--text", metavar="RUN[:FACTOR]", help="encodes queries; without it the base does")
    parser.add_argument(
        "--code",
        nargs="*",
        default=[],
        metavar="[LANGUAGE=]RUN[:FACTOR]",
        help="unless said, a run on one language encodes that language, a run on several all others",
    )


def run(options: argparse.Namespace) -> None:
    """Write WORK/systems/NAME/adapters.json and the scaled adapters beside it."""
    runs, folder = options.work / "runs", options.work / "systems" / options.name
    text = _scaled(runs, options.text, folder, "text") if options.text else None
    code: dict[str, str] = {}
    parts = [_parted(runs, part) for part in options.code]
    for language, chosen in parts:
        code[language] = _scaled(runs, chosen, folder, language or "others")
    used = [chosen for _, chosen in parts] + ([options.text] if options.text else [])
    bases = {_settings(runs, chosen)["options"]["model"] for chosen in used}
    if len(bases) != 1:
        raise CodesiftError(f"a system has one base, and these have {', '.join(sorted(bases)) or 'none'}")
    described = {"format": 1, "base": bases.pop(), "text": text, "code": code}
    write_json(folder / MANIFEST, described)
    write_json(folder / "settings.json", settings_of(options))
    print(folder / MANIFEST)


def _parted(runs: Path, part: str) -> tuple[str, str]:
    """The language a part encodes, and RUN[:FACTOR]."""
    language, named, chosen = part.rpartition("=")
    if named and language not in LANGUAGES:
        raise UsageError(f"no language is called {language!r}", f"one of {', '.join(LANGUAGES)}")
    return (language if named else _language(runs, chosen)), chosen


def _language(runs: Path, chosen: str) -> str:
    """The one language a run was trained on, or `OTHERS`."""
    languages: Sequence[str] = str(_settings(runs, chosen)["options"]["languages"]).split(",")
    return languages[0] if len(languages) == 1 and languages[0] in LANGUAGES else OTHERS


def _settings(runs: Path, chosen: str) -> dict[str, dict[str, str]]:
    settings: dict[str, dict[str, str]] = read_json(runs / chosen.partition(":")[0] / "settings.json")
    return settings


def _scaled(runs: Path, chosen: str, folder: Path, name: str) -> str:
    """Write one adapter, its change times its factor; returns the file's name."""
    from training.learning import lora

    run, _, factor = chosen.partition(":")
    try:
        scale = float(factor or 1)
    except ValueError as error:
        raise CodesiftError(f"{factor!r} is no factor", "RUN:0.5") from error
    pairs = lora.read(runs / run / "adapter.safetensors")
    changed = {key: tensor * scale if key.endswith(".B") else tensor for key, tensor in pairs.items()}
    described = {"run": run, "factor": scale, "rank": len(next(iter(pairs.values())))}
    lora.write(folder / f"{name}.safetensors", changed, described)
    return f"{name}.safetensors"
