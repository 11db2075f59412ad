"""What the help of a verb says, as it is on the screen."""

from __future__ import annotations

import os
import re

import pytest
import typer
from conftest import Run

from codesift.config import Settings
from codesift.search.duplicates import DEFAULT_MIN_COSINE
from codesift.terminal.app import app

ROOT = typer.main.get_command(app)
VERBS = list(ROOT.commands)  # type: ignore[attr-defined]
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_BOX = re.compile(r"[─│╭╮╰╯]")


def words_on_screen(codesift: Run, verb: str, width: int, color: bool) -> str:
    """The help of a verb (of the program, if empty) with single blanks, without colors and frames."""
    env = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    env |= {"COLUMNS": str(width), **({"FORCE_COLOR": "1"} if color else {"NO_COLOR": "1"})}
    done = codesift(*([verb] if verb else []), "--help", env=env)
    assert done.returncode == 0 and (color == ("\x1b[" in done.stdout))
    return squeezed(_BOX.sub(" ", _ANSI.sub("", done.stdout)))


def squeezed(text: str) -> str:
    return " ".join(text.split())


def declared(verb: str) -> dict[str, list[str]]:
    """Option or argument -> the texts of its declaration, as they are written."""
    command = ROOT.commands[verb] if verb else ROOT  # type: ignore[attr-defined]
    texts = {"the verb": [command.help or "", command.epilog or ""]}
    return texts | {"/".join(parameter.opts): [parameter.help or ""] for parameter in command.params}


@pytest.mark.parametrize("verb", ["", *VERBS])
@pytest.mark.parametrize("color", [False, True], ids=["plain", "color"])
def test_every_text_of_every_option_is_on_the_screen(codesift: Run, verb: str, color: bool) -> None:
    for width in (80, 200):
        shown = words_on_screen(codesift, verb, width, color)
        for parameter, texts in declared(verb).items():
            for text in texts:
                assert squeezed(text.replace(r"\[", "[")) in shown, (verb, parameter, width, text)


def test_defaults_on_the_screen_are_those_that_hold(codesift: Run) -> None:
    query = words_on_screen(codesift, "query", 200, color=False)
    assert f"At most N results. [default: {Settings().results}]" in query
    assert f"[default: {Settings().model}]" in query and f"[default: {Settings().device}]" in query
    index = words_on_screen(codesift, "index", 200, color=False)
    assert "[default: the repository around the current folder]" in index
    assert "Threads to embed with. [default: all]" in index and Settings().threads == 0
    similar = words_on_screen(codesift, "similar", 200, color=False)
    assert f"[default: {DEFAULT_MIN_COSINE} with --all]" in similar


def test_no_bracket_of_a_help_text_can_be_taken_for_markup() -> None:
    for verb in ("", *VERBS):
        for parameter, texts in declared(verb).items():
            for text in texts:
                assert not re.search(r"(?<!\\)\[", text), (verb, parameter, text)
