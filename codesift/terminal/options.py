"""Options of the command line that several verbs have, each declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from codesift.config import Settings

_DEFAULTS = Settings()
_FILTERS, _OUTPUT, _HOW = "Which results", "How they are shown", "How it searches"


def with_default(text: str, default: object) -> str:
    """A help text that ends with its default. Without the backslash the bracket would be taken for markup."""
    return rf"{text}  \[default: {default}]"


Root = Annotated[
    Optional[Path],  # noqa: UP045 - Typer evaluates this on Python 3.10
    typer.Option("--root", help="Repository to work on, instead of the one around the current folder."),
]
Results = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option("-k", "--results", metavar="N", help=with_default("At most N results.", _DEFAULTS.results)),
]
Languages = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option("--lang", metavar="NAME", help="Only this language (repeatable).", rich_help_panel=_FILTERS),
]
Kinds = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        "--kind",
        metavar="KIND",
        help="Only function, method, class, module or text (repeatable).",
        rich_help_panel=_FILTERS,
    ),
]
Paths = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        "--path",
        metavar="GLOB",
        help="Only paths (from the root) that match, as in .gitignore; '!' in front negates (repeatable).",
        rich_help_panel=_FILTERS,
    ),
]
NoTests = Annotated[bool, typer.Option("--no-tests", help="Leave tests out.", rich_help_panel=_FILTERS)]
Context = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(
        "-C", "--context", metavar="N", min=0, help="N lines around the best line.", rich_help_panel=_OUTPUT
    ),
]
Full = Annotated[bool, typer.Option("--full", help="Show whole units.", rich_help_panel=_OUTPUT)]
Files = Annotated[bool, typer.Option("--files", help="Only the paths, each once.", rich_help_panel=_OUTPUT)]
Json = Annotated[bool, typer.Option("--json", help="One JSON object.", rich_help_panel=_OUTPUT)]
Vimgrep = Annotated[
    bool, typer.Option("--vimgrep", help="path:line:column:text, for editors.", rich_help_panel=_OUTPUT)
]
Plain = Annotated[
    bool, typer.Option("--plain", help="No color, no links: what a pipe gets.", rich_help_panel=_OUTPUT)
]
Explain = Annotated[
    bool,
    typer.Option("--explain", help="Show what each signal adds.", rich_help_panel=_OUTPUT),
]
NoFold = Annotated[
    bool,
    typer.Option(
        "--no-fold",
        help="Show each result, also those that are nearly the same code as a better one.",
        rich_help_panel=_OUTPUT,
    ),
]
AllUnits = Annotated[
    bool,
    typer.Option("--all", help="List clusters of near-duplicate functions and methods; -k counts clusters."),
]
MinCosine = Annotated[
    Optional[float],  # noqa: UP045
    typer.Option(
        "--min",
        metavar="COSINE",
        help=with_default(
            "Minimum cosine of the vectors of two units, above 0 and at most 1. With --all, three quarters "
            "of their tokens must be the same as well.",
            "0.9 with --all",
        ),
    ),
]
Strict = Annotated[
    bool, typer.Option("--strict", help="Exit with 1 if nothing matches well.", rich_help_panel=_OUTPUT)
]
NoRefresh = Annotated[
    bool,
    typer.Option("--no-refresh", help="Search the index as it is.", rich_help_panel=_HOW),
]
Budget = Annotated[
    Optional[float],  # noqa: UP045
    typer.Option(
        "--budget",
        metavar="SECONDS",
        help=with_default(
            "Time for computing the vectors of the best results that have none; 0 for none.",
            f"{_DEFAULTS.budget:g}",
        ),
        rich_help_panel=_HOW,
    ),
]
Model = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--model",
        metavar="NAME",
        help=with_default("Base model, a name of `codesift models` or a folder.", _DEFAULTS.model),
    ),
]
Threads = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option("--threads", metavar="N", help=with_default("Threads to embed with.", "all")),
]
Device = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--device",
        metavar="NAME",
        help=with_default("Where to embed: auto, cpu, cuda, cuda:N or mps.", _DEFAULTS.device),
    ),
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No progress and no notes.")]
Code = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--code", metavar="LANG", help="The text is code in this language."),
]
