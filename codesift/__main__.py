"""`python -m codesift` and the installed command; only here exceptions become messages and exit codes."""

from __future__ import annotations

# This import is first, so that its handlers are installed as early as possible.
from codesift.system import interrupts  # isort: split

import contextlib
import gc
import os
import sys
from typing import NoReturn

from codesift.errors import NO_SPACE, CodesiftError, Exit, UsageError


def run() -> NoReturn:
    """Run the installed command: as `main`, but without the clean-up of the interpreter.

    The clean-up takes 30 ms of the 250 ms of an `index` that finds nothing to do (2 cores of a Zen 4), and
    aborts the process if a thread is still inside a C library. All data is stored by then.
    """
    code: object = Exit.BUG
    try:
        main()
    except SystemExit as leaving:
        code = leaving.code or 0
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code if isinstance(code, int) else Exit.BUG)


def main() -> None:
    """Run the command line and leave the process with one of `errors.Exit`."""
    _open_missing_streams()
    interrupts.install()
    # A short query in numpy is done before a second thread is awake; OpenVINO has its own threads.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Imports create many objects that stay. Not searching them for garbage saves 7% of a cold `similar`.
    gc.set_threshold(100_000, 50, 50)
    try:
        code = _command()
    except (Exception, KeyboardInterrupt) as error:
        code, lines = _explain(error)
        _say(lines)
    sys.exit(code)


def _open_missing_streams() -> None:
    """Open substitutes for closed standard streams, so that no file opened later gets their numbers."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: PTH123, SIM115


def _command() -> int:
    import typer

    from codesift.terminal.app import app

    try:
        result = typer.main.get_command(app).main(prog_name="codesift", standalone_mode=False)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except typer.TyperException as error:
        # Without arguments the help was printed, and there is nothing to add.
        if not error.format_message():
            return Exit.BAD_INPUT
        raise UsageError(error.format_message(), "codesift --help") from error
    except SystemExit as error:
        # Typer exits with code 1 if the reader of the output has closed it.
        if isinstance(error.__context__, BrokenPipeError):
            raise error.__context__ from None
        raise
    # Typer converts KeyboardInterrupt to this result.
    if result == Exit.INTERRUPTED:
        raise KeyboardInterrupt
    sys.stdout.flush()
    return int(result or 0)


def _explain(error: BaseException) -> tuple[int, list[str]]:
    """Return the exit code and the lines of the message for an exception that ended the command."""
    if isinstance(error, BrokenPipeError):
        # The reader closed the pipe, as in `codesift query ... | head -1`.
        _drop_output()
        return Exit.RESULTS, []
    if isinstance(error, OSError) and error.errno in NO_SPACE:
        _drop_output()
        return Exit.BAD_INPUT, [f"cannot write the output: {error.strerror}"]
    if isinstance(error, CodesiftError):
        return Exit.BAD_INPUT, [str(error), *error.choices]
    if isinstance(error, KeyboardInterrupt):
        return Exit.INTERRUPTED, ["interrupted; what was done so far is kept"]
    return Exit.BUG, [f"this is a bug in codesift: {type(error).__name__}; {_log(error)}"]


def _say(lines: list[str]) -> None:
    from codesift.terminal.render import show_note

    # The reader of stderr may be gone.
    with contextlib.suppress(OSError):
        if lines:
            show_note(lines[0], sys.stderr, lines[1:])
        sys.stderr.flush()


def _drop_output() -> None:
    """Redirect stdout to nowhere: at exit, Python flushes the rest, and would fail a second time."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _log(error: BaseException) -> str:
    """Write the traceback to a file; return a text with its path."""
    import tempfile
    import traceback

    text = f"{sys.argv!r}\n{sys.version}\n{''.join(traceback.format_exception(error))}"
    try:
        handle, path = tempfile.mkstemp(prefix="codesift-", suffix=".log", text=True)
        os.write(handle, text.encode("utf-8", "backslashreplace"))
        os.close(handle)
    except OSError:
        return f"{error}; no details, as no file can be written"
    return f"details are in {path}"


if __name__ == "__main__":
    run()
