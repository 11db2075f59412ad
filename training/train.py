"""Fine-tune one LoRA adapter with sentence-transformers.

    python -m training train --languages python --name python
    accelerate launch -m training train --preset loracode --rank 64 --languages go --name go-64

Several GPUs need nothing but accelerate's launcher.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from codesift.errors import CodesiftError
from codesift.models.bases import DEFAULT, find_base
from evaluation.files import read_json, settings_of, write_json
from evaluation.records import LANGUAGES
from training.languages import languages_of
from training.learning.pairs import check_mix, draw_pairs, load_functions
from training.learning.presets import PRESETS, Preset
from training.learning.views import Pair
from training.written_questions import load_questions

AUTO = "auto"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb `train`."""
    parser.add_argument("--name", required=True, help="of the run, a folder under WORK/runs")
    parser.add_argument("--preset", choices=sorted(PRESETS), default="codesift")
    parser.add_argument("--languages", default=",".join(LANGUAGES), help="one, or several for a combined one")
    parser.add_argument("--task", choices=("text-to-code", "code-to-code"), default="text-to-code")
    parser.add_argument("--model", default=DEFAULT, help="a row of `codesift models`, or a folder")
    parser.add_argument("--query", choices=("adapter", "base"), help="what encodes queries: the adapter too?")
    parser.add_argument("--text", type=Path, help="an adapter file that encodes queries and is not changed")
    parser.add_argument("--init", type=Path, help="an adapter file to start from")
    for name in ("rank", "alpha", "batch", "warmup", "pairs", "longest", "log-every"):
        parser.add_argument(f"--{name}", type=int)
    for name in ("epochs", "learning-rate", "dropout", "same-package", "soft-labels"):
        parser.add_argument(f"--{name}", type=float)
    parser.add_argument(
        "--mix", help="view=weight,... of " + "documentation, comment, message, test, name, symbol, question"
    )
    parser.add_argument(
        "--mini-batch", type=int, default=0, help="texts a forward pass, with cached gradients"
    )
    parser.add_argument("--save-every", type=int, default=100, help="steps between checkpoints")
    parser.add_argument("--steps", type=int, default=0, help="stop after as many")
    parser.add_argument(
        "--precision",
        choices=(AUTO, "bf16", "fp32"),
        default=AUTO,
        help="auto: bf16 where the GPU or the processor has instructions for it, else fp32",
    )


def run(options: argparse.Namespace) -> None:
    """Train one adapter into WORK/runs/NAME; what is finished is left alone, what is not goes on."""
    folder = options.work / "runs" / options.name
    finished = (folder / "result.json").is_file()
    begun = finished or any(folder.glob("checkpoint-*"))
    # Resolved before the options are recorded: they name the precision, and reports and cards with them.
    if options.precision == AUTO:
        options.precision = _precision(folder, begun)
    settings = settings_of(options)
    if begun:
        _check_same(folder, settings)
    if finished:
        print(f"{folder}: trained already")
        return
    from training.learning.trainer import train

    preset = chosen_preset(options)
    if preset.soft_labels and options.mini_batch:
        raise CodesiftError("cached gradients are not built for soft labels", "add --soft-labels 0")
    languages = languages_of(options.languages)
    pairs = pairs_for(options, preset, languages)
    if len(pairs) < preset.batch:
        raise CodesiftError(
            f"only {len(pairs)} pairs, and a batch has {preset.batch}", "mine more, or --batch"
        )
    write_json(folder / "settings.json", {**settings, "preset": _plain(preset)})
    result = train(folder, find_base(options.model), pairs, preset, options)
    views = Counter(pair.view for pair in pairs)
    packages = len({(pair.function.language, pair.function.package) for pair in pairs})
    write_json(folder / "result.json", {**result, "views": dict(views), "packages": packages})


def chosen_preset(options: argparse.Namespace) -> Preset:
    """The preset with what the command line says otherwise; alpha stays twice the rank."""
    preset = PRESETS[options.preset]
    named = {name: getattr(options, name, None) for name in preset.__slots__ if name != "two_sided"}
    changes: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
    if "rank" in changes and "alpha" not in changes:
        changes["alpha"] = 2 * changes["rank"]
    two_sided = options.text is None and options.query != "base"
    return replace(preset, **changes, two_sided=two_sided)


def pairs_for(options: argparse.Namespace, preset: Preset, languages: list[str]) -> list[Pair]:
    """What the run is trained on."""
    functions = load_functions(options.work, languages)
    if options.task == "code-to-code":
        from training.learning.clones import clone_pairs

        return clone_pairs(functions, preset.pairs or len(functions), options.seed)
    count = preset.pairs or sum(bool(function.docstring) for function in functions)
    mix = check_mix(preset.mix)
    return draw_pairs(functions, load_questions(languages), mix, count, preset.style, options.seed)


def _precision(folder: Path, begun: bool) -> str:
    """The precision for `--precision auto`; a run that was begun keeps its own, on any machine."""
    if begun:
        return str(_recorded(folder).get("precision", AUTO))
    from training.learning.precision import fastest

    return fastest()


def _check_same(folder: Path, settings: dict[str, Any]) -> None:
    if _recorded(folder) != settings["options"]:
        raise CodesiftError(f"{folder} was trained with other options", "give the run another --name")


def _recorded(folder: Path) -> dict[str, Any]:
    """The options that a run was begun with.

    Raises:
        CodesiftError: its settings cannot be read, or hold no options.
    """
    settings = read_json(folder / "settings.json")
    options = settings.get("options") if isinstance(settings, dict) else None
    if not isinstance(options, dict):
        raise CodesiftError(f"{folder / 'settings.json'} holds no options", "give the run another --name")
    return options


def _plain(preset: Preset) -> dict[str, Any]:
    return {name: getattr(preset, name) for name in preset.__slots__ if name != "style"}
