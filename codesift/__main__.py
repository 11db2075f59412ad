"""`python -m codesift` and the installed command: exceptions become lines and exit codes here alone."""

from __future__ import annotations

import os
import sys

from codesift.errors import CodesiftError, Exit, UsageError


def main() -> None:
    """Run the command line and leave the process with one of `errors.Exit`."""
    sys.exit(_run())


def _run() -> int:
    try:
        return _command()
    except CodesiftError as error:
        from codesift.render import show_error

        show_error(error, sys.stderr)
        return Exit.BAD_INPUT
    except KeyboardInterrupt:
        sys.stderr.write("codesift: interrupted; what was done so far is kept\n")
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # The reader has enough, as in `codesift query ... | head -1`. Python would complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.RESULTS
    except Exception as error:
        return _report_bug(error)


def _command() -> int:
    import typer

    from codesift.cli import app

    try:
        result = typer.main.get_command(app).main(prog_name="codesift", standalone_mode=False)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except typer.TyperException as error:
        raise UsageError(error.format_message(), "codesift --help") from error
    sys.stdout.flush()
    return int(result or 0)


def _report_bug(error: Exception) -> int:
    """Write the traceback to a file and its path to stderr."""
    import tempfile
    import traceback

    text = "".join(traceback.format_exception(error))
    handle, path = tempfile.mkstemp(prefix="codesift-", suffix=".log", text=True)
    os.write(handle, f"{sys.argv!r}\n{sys.version}\n{text}".encode("utf-8", "backslashreplace"))
    os.close(handle)
    sys.stderr.write(f"codesift: this is a bug in codesift: {type(error).__name__}; details are in {path}\n")
    return Exit.BUG


if __name__ == "__main__":
    main()
