"""The command line: it parses flags, calls the library and passes the result to `render`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from codesift.errors import Exit, UsageError
from codesift.terminal import maintenance, options, render
from codesift.terminal.arguments import check_similar, filter_of, targeted_files, view_of
from codesift.terminal.detaching import continue_in_background
from codesift.terminal.invocation import Run, folder_of, start
from codesift.types import Answer
from codesift.version import __version__

if TYPE_CHECKING:
    from codesift.search.filters import Filter

app = typer.Typer(
    name="codesift",
    help="Search code by meaning, on your own machine.",
    epilog='Try: codesift query "where is the cache invalidated"',
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show(answer: Answer, view: render.View, quiet: bool, strict: bool = False) -> None:
    if not quiet and view.mode in ("human", "plain"):
        render.show_coverage(answer, sys.stderr)
    render.show_answer(answer, view, sys.stdout)
    if not answer.hits or (strict and not answer.matches):
        raise typer.Exit(Exit.NO_RESULTS)


@app.command(epilog="Example: codesift index ~/src/django")
def index(
    path: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Argument(
            help=options.with_default("Folder to index.", "the repository around the current folder")
        ),
    ] = None,
    model: options.Model = None,
    threads: options.Threads = None,
    device: options.Device = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="End as soon as everything is searchable, without vectors.")
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="As --quick; the vectors are then computed in the background.")
    ] = False,
    stop: Annotated[
        bool, typer.Option("--stop", help="End the process that computes vectors in the background.")
    ] = False,
    quiet: options.Quiet = False,
) -> None:
    """Index a repository; a second run does only what changed."""
    if quick + detach + stop > 1:
        raise UsageError("only one of --quick, --detach, --stop can be given", "codesift index --help")
    run = start(path, quiet, exact=True, model=model, threads=threads, device=device)
    with run.repository() as repository:
        if stop:
            run.notify("stopped" if repository.stop() else "nothing runs in the background")
            return
        report = repository.refresh("words" if quick or detach else "vectors")
    render.show_report(report, sys.stdout, sys.stderr, quiet)
    if detach and report.vectors_ready < report.units:
        continue_in_background(run, {"--model": model, "--threads": threads, "--device": device})


@app.command(epilog='Example: codesift query "retry a failed request" --lang go --no-tests')
def query(
    text: Annotated[str, typer.Argument(help="A question, words, a symbol or code; '-' reads it.")],
    root: options.Root = None,
    results: options.Results = None,
    lang: options.Languages = None,
    kind: options.Kinds = None,
    path: options.Paths = None,
    no_tests: options.NoTests = False,
    context: options.Context = None,
    full: options.Full = False,
    files: options.Files = False,
    json: options.Json = False,
    vimgrep: options.Vimgrep = False,
    plain: options.Plain = False,
    explain: options.Explain = False,
    lexical: Annotated[bool, typer.Option("--lexical", help="By words alone.")] = False,
    semantic: Annotated[bool, typer.Option("--semantic", help="By meaning alone.")] = False,
    code: options.Code = None,
    no_fold: options.NoFold = False,
    strict: options.Strict = False,
    no_refresh: options.NoRefresh = False,
    model: options.Model = None,
    device: options.Device = None,
    budget: options.Budget = None,
    quiet: options.Quiet = False,
) -> None:
    """Find the code that answers a question."""
    if lexical and semantic:
        raise UsageError("only one of --lexical, --semantic can be given")
    flags = _search_flags(model, device, results, no_refresh, budget)
    run = start(root, quiet, near=folder_of((), path or ()), **flags)
    view = view_of(context, full, explain, run.settings, files=files, json=json, vimgrep=vimgrep, plain=plain)
    only = filter_of(lang, kind, path, run.settings.include_tests and not no_tests, run.root)
    question = _read_input() if text == "-" else text
    with run.repository() as repository:
        answer = repository.query(
            question, only=only, lexical=not semantic, semantic=not lexical, code=code, fold=not no_fold
        )
    _show(answer, view, quiet, strict)


@app.command(
    epilog="Example: codesift similar src/http.py:Session.send, or codesift similar --all --no-tests"
)
def similar(
    target: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(help="FILE:NAME, FILE:LINE, or '-' with --code."),
    ] = None,
    root: options.Root = None,
    results: options.Results = None,
    all_units: options.AllUnits = False,
    min_cosine: options.MinCosine = None,
    across: Annotated[bool, typer.Option("--across", help="Only in other languages.")] = False,
    lang: options.Languages = None,
    kind: options.Kinds = None,
    path: options.Paths = None,
    no_tests: options.NoTests = False,
    context: options.Context = None,
    full: options.Full = False,
    files: options.Files = False,
    json: options.Json = False,
    vimgrep: options.Vimgrep = False,
    plain: options.Plain = False,
    explain: options.Explain = False,
    code: options.Code = None,
    no_refresh: options.NoRefresh = False,
    model: options.Model = None,
    device: options.Device = None,
    budget: options.Budget = None,
    quiet: options.Quiet = False,
) -> None:
    """Find the code most like a function, or with --all what is nearly the same everywhere."""
    others = {"across": across, "code": code, "full": full, "explain": explain, "context": context}
    check_similar(target, all_units, min_cosine, others)
    near = folder_of(targeted_files(target), path or ())
    run = start(root, quiet, near=near, **_search_flags(model, device, results, no_refresh, budget))
    view = view_of(context, full, explain, run.settings, files=files, json=json, vimgrep=vimgrep, plain=plain)
    only = filter_of(lang, kind, path, run.settings.include_tests and not no_tests, run.root)
    if target is None:
        _show_duplicates(run, min_cosine, only, view)
        return
    if (target == "-") != (code is not None):
        raise UsageError("'-' and --code LANG belong together", "codesift similar - --code python")
    origin = _read_input() if target == "-" else target
    minimum = -1.0 if min_cosine is None else min_cosine
    with run.repository() as repository:
        answer = repository.similar(origin, only=only, min_cosine=minimum, across=across, code=code)
    _show(answer, view, quiet)


def _search_flags(
    model: str | None, device: str | None, results: int | None, no_refresh: bool, budget: float | None
) -> dict[str, Any]:
    """Return the settings that the options of a search change."""
    refresh = False if no_refresh else None
    return {"model": model, "device": device, "results": results, "refresh": refresh, "budget": budget}


def _show_duplicates(run: Run, min_cosine: float | None, only: Filter, view: render.View) -> None:
    with run.repository() as repository:
        duplicates = repository.duplicates(only=only, min_cosine=min_cosine)
    if not run.quiet and view.mode in ("human", "plain"):
        render.show_extent(duplicates, sys.stderr)
    render.show_duplicates(duplicates, view, sys.stdout)
    if not duplicates.clusters:
        raise typer.Exit(Exit.NO_RESULTS)


def _read_input() -> str:
    return sys.stdin.buffer.read().decode("utf-8", "replace")


def _print_version(requested: bool) -> None:
    if requested:
        sys.stdout.write(f"codesift {__version__}\n")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Search code by meaning, on your own machine."""


maintenance.register(app)
