"""What is measured: each task a module with `load(wanted) -> tasks`, but for `repos`, which asks the tool."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

from evaluation.tasks.groups import Task, Wanted

REPOS = "repos"
TASKS = {
    "packages": "documentation -> function inside unseen packages, from `mine`",
    "cosqa": "questions typed into a web search -> Python functions",
    "code2code": "function -> the same task in another language",
    REPOS: "questions on whole repositories, through the tool",
    "csn": "CodeSearchNet, where --csn has it",
    "xlcost": "XLCoST, where --xlcost has it",
}
"""Name of a module in this folder -> what it measures."""


def load(name: str, wanted: Wanted) -> Iterator[Task]:
    """The tasks of one module.

    Raises:
        Missing: its data is not there.
    """
    tasks: Iterator[Task] = importlib.import_module(f"evaluation.tasks.{name}").load(wanted)
    return tasks
