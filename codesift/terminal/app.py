"""The command line: parse flags, call the library, hand the result to `render`."""

from __future__ import annotations

import importlib
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from codesift import __version__
from codesift.errors import Exit, UsageError
from codesift.terminal import maintenance, options, render
from codesift.terminal.arguments import check_similar, filter_of, view_of
from codesift.terminal.invocation import Run, start
from codesift.types import Answer

if TYPE_CHECKING:
    from codesift.index.opening import Index
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
        typer.Argument(help="Folder to index.", show_default="the repository around the current folder"),
    ] = None,
    model: options.Model = None,
    threads: options.Threads = None,
    quiet: options.Quiet = False,
) -> None:
    """Index a repository; a second run does only what changed."""
    from codesift.session import index_repository

    run = start(path, quiet, exact=True, model=model, threads=threads)
    with run.desk() as desk:
        report = index_repository(desk)
    render.show_report(report, sys.stdout, sys.stderr, quiet)


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
    quiet: options.Quiet = False,
) -> None:
    """Find the code that answers a question."""
    from codesift.parsing.languages import resolve_language
    from codesift.search.lookup import snippet_of
    from codesift.search.query import Question
    from codesift.search.query import query as search
    from codesift.system.background import Background

    if lexical and semantic:
        raise UsageError("only one of --lexical, --semantic can be given")
    run = start(root, quiet, model=model, results=results, refresh=False if no_refresh else None)
    view = view_of(context, full, explain, run.settings, files=files, json=json, vimgrep=vimgrep, plain=plain)
    asked = _read_input() if text == "-" else text
    if not asked.strip():
        raise UsageError("the query is empty", 'codesift query "parse json"')
    question = Question(
        text=asked.strip(),
        limit=run.settings.results,
        lexical=not semantic,
        semantic=not lexical,
        code=snippet_of(asked, code),
        language=resolve_language(code) if code is not None else "",
        filter=filter_of(lang, kind, path, run.settings.include_tests and not no_tests),
        fold=not no_fold,
    )
    # Loading the model fills the time that git and the disk take to say what changed.
    encoder = Background(run.query_encoder) if question.semantic else run.query_encoder
    answer = run.on_index(lambda at: search(question, at, run.settings, encoder))
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
    least: options.MinCosine = None,
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
    quiet: options.Quiet = False,
) -> None:
    """Find the code most like a function, or with --all what is nearly the same everywhere."""
    from codesift.parsing.languages import resolve_language
    from codesift.search.lookup import origin_of_code, origin_of_target, snippet_of
    from codesift.search.query import similar as search
    from codesift.system.background import Background

    others = {"across": across, "code": code, "full": full, "explain": explain, "context": context}
    check_similar(target, all_units, least, others)
    run = start(root, quiet, model=model, results=results, refresh=False if no_refresh else None)
    view = view_of(context, full, explain, run.settings, files=files, json=json, vimgrep=vimgrep, plain=plain)
    wanted = filter_of(lang, kind, path, run.settings.include_tests and not no_tests)
    if target is None:
        _show_duplicates(run, least, wanted, view)
        return
    if (target == "-") != (code is not None):
        raise UsageError("'-' and --code LANG belong together", "codesift similar - --code python")
    snippet = snippet_of(_read_input(), code) if target == "-" else None

    # Importing numpy fills the time that git and the disk take to say what changed.
    Background(lambda: importlib.import_module("numpy"))

    def work(at: Index) -> Answer:
        if snippet is not None:
            origin = origin_of_code(snippet, resolve_language(code or ""), lambda: run.encoder(at.space))
        else:
            origin = origin_of_target(target, at, run.settings, lambda: run.encoder(at.space))
        only = replace(wanted, other_than=origin.language) if across else wanted
        return search(origin, at, run.settings, run.settings.results, only, -1.0 if least is None else least)

    _show(run.on_index(work), view, quiet)


def _show_duplicates(run: Run, least: float | None, only: Filter, view: render.View) -> None:
    from codesift.search.duplicates import DEFAULT_MIN_COSINE, duplicates

    least = DEFAULT_MIN_COSINE if least is None else least
    found = run.on_index(lambda at: duplicates(at, run.settings, least, only, run.settings.results))
    if not run.quiet and view.mode in ("human", "plain"):
        render.show_extent(found, sys.stderr)
    render.show_duplicates(found, view, sys.stdout)
    if not found.clusters:
        raise typer.Exit(Exit.NO_RESULTS)


def _read_input() -> str:
    return sys.stdin.buffer.read().decode("utf-8", "replace")


def _print_version(wanted: bool) -> None:
    if wanted:
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
