"""The command line behind a run, as far as it can be said in public: without the places of folders."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

WORK = "FOLDER"
"""What stands for the work folder."""


def command_line(verb: str, options: Mapping[str, Any]) -> str:
    """The command line of a verb that gives these options; what is the default is left out."""
    defaults, flags = _declared(verb)
    words = [f"python -m training {verb} --work {WORK}"]
    for name, flag in flags.items():
        value = options.get(name)
        if value not in (defaults[name], "", None):
            words.append(flag if value is True else f"{flag} {_placed(str(value), str(options['work']))}")
    return " ".join(words)


def _declared(verb: str) -> tuple[dict[str, Any], dict[str, str]]:
    """The default and the flag of each option of a verb, but for the work folder."""
    parser = argparse.ArgumentParser(add_help=False)
    importlib.import_module(f"training.{verb}").add_arguments(parser)
    parser.add_argument("--seed", type=int, default=0)
    defaults = {action.dest: action.default for action in parser._actions}
    return defaults, {action.dest: action.option_strings[-1] for action in parser._actions}


def _placed(value: str, work: str) -> str:
    """A value without the place of the work folder, or of any other."""
    # Everything is below `.`, names that are no paths too.
    if PurePath(work).parts and PurePath(value).is_relative_to(work):
        return f"{WORK}/{PurePath(value).relative_to(work).as_posix()}"
    return without_folders(value)


def without_folders(path: str) -> str:
    """The last part of an absolute path; anything else as it is."""
    return PurePath(path).name if PurePath(path).is_absolute() else path
