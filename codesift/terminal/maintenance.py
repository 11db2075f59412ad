"""The verbs that manage indexes, models and settings."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from codesift.errors import UsageError
from codesift.terminal import options, render
from codesift.terminal.invocation import Run, start, start_personally


def register(app: typer.Typer) -> None:
    """Add the verbs to the command line."""
    app.command(epilog="Example: codesift status --check")(status)
    app.command(epilog="Example: codesift models")(models)
    app.command(epilog="Example: codesift config --path")(config)
    app.command(epilog="Example: codesift clean --missing")(clean)


def status(
    root: options.Root = None,
    check: Annotated[
        bool, typer.Option("--check", help="Examine all that is stored, and mend what is damaged.")
    ] = False,
    all_indexes: Annotated[
        bool, typer.Option("--all", help="List the indexes of all repositories in the cache folder.")
    ] = False,
    json: options.Json = False,
    model: options.Model = None,
) -> None:
    """Show what is indexed, with which model, how fresh, and its size on disk."""
    from codesift.index.status import all_indexes as indexes

    if all_indexes and (check or root is not None):
        raise UsageError("--all cannot be given together with --check or --root", "codesift status --help")
    run = start_personally(None) if all_indexes else start(root, model=model)
    view = render.view_of_table(run.settings, json)
    if all_indexes:
        render.show_indexes(indexes(run.settings), view, sys.stdout)
        return
    with run.repository() as repository:
        facts = repository.status(check)
    render.show_status(facts, view, sys.stdout)


def models(root: options.Root = None, json: options.Json = False, model: options.Model = None) -> None:
    """List the base models and the language adapters."""
    from codesift.models.overview import list_models

    run = start(root, model=model)
    rows = list_models(run.settings, run.root)
    render.show_models(rows, render.view_of_table(run.settings, json), sys.stdout)


def config(
    root: options.Root = None,
    path: Annotated[
        bool, typer.Option("--path", help="Print where your own settings file is, and nothing else.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Show the settings that hold here, and where each comes from."""
    from codesift.config import settings_with_sources, user_file

    if path:
        render.write(sys.stdout, f"{user_file()}\n")
        return
    run = start(root)
    rows = settings_with_sources(run.root, os.environ)
    render.show_settings(rows, render.view_of_table(run.settings, json), sys.stdout)


def clean(
    root: options.Root = None,
    all_indexes: Annotated[
        bool, typer.Option("--all", help="Delete the indexes of all repositories in the cache folder.")
    ] = False,
    missing: Annotated[
        bool, typer.Option("--missing", help="Delete the indexes of repositories that are gone.")
    ] = False,
    quiet: options.Quiet = False,
) -> None:
    """Delete the index of a repository."""
    if all_indexes + missing + (root is not None) > 1:
        raise UsageError("only one of --all, --missing, --root can be given", "codesift clean --help")
    # An invalid key in the settings of a repository must not prevent the deletion of its index.
    run = start_personally(root, quiet)
    if all_indexes or missing:
        _clean_many(run, missing)
        return
    with run.repository() as repository:
        folder, freed = repository.delete()
    if folder is None:
        raise UsageError(f"there is no index of {run.root}")
    run.notify(f"deleted {folder}, {render.size(freed)}")


def _clean_many(run: Run, missing_only: bool) -> None:
    from codesift.index.status import delete_indexes

    deleted = delete_indexes(run.settings, run.notify, missing_only)
    for index, freed in deleted:
        run.notify(f"deleted the index of {index.root or index.folder}, {render.size(freed)}")
    if not deleted:
        run.notify("there is no index of a repository that is gone" if missing_only else "there is no index")
