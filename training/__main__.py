"""python -m training VERB: from package lists to shipped adapters. See training/README.md."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from codesift.errors import CodesiftError

VERBS = {
    "fetch": "download the packages of training/corpora and unpack their sources",
    "mine": "turn the sources into functions with texts, split by package",
    "commits": "turn clones of repositories into subjects of commits with the functions they changed",
    "train": "fine-tune one LoRA adapter",
    "draft": "fit the draft encoder to the vectors of windows of the packages",
    "compose": "put adapters together: one for queries, one for each language",
    "evaluate": "measure BM25, the base and adapters side by side",
    "export": "check adapters and write them in the form the tool ships",
    "report": "write tables and plots of what was measured",
    "all": "from fetch to report, one after another",
    "fit": "fit the ranking's weights and the confidence",
    "missed": "list the questions that the ranking misses, and why",
}
WITHOUT_WORK_FOLDER = ("fit", "missed")
"""Verbs on the ranking: they draw nothing by chance and read nothing of the work folder."""


def main(arguments: list[str] | None = None) -> int:
    """Run one verb; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    chosen = arguments if arguments is not None else sys.argv[1:]
    for verb, summary in VERBS.items():
        sub = verbs.add_parser(verb, help=summary, description=summary)
        if verb not in WITHOUT_WORK_FOLDER:
            sub.add_argument(
                "--work", type=Path, default=Path("training-work"), help="where results are kept"
            )
            sub.add_argument("--seed", type=int, default=0)
        # Only the verb that was asked for is imported: some take seconds.
        if verb in chosen[:1]:
            module = importlib.import_module(f"training.{verb}")
            module.add_arguments(sub)
            sub.set_defaults(run=module.run)
    options = parser.parse_args(chosen)
    try:
        options.run(options)
    except CodesiftError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
