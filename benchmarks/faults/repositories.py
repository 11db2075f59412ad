"""The code that attacks take place in."""

from __future__ import annotations

from collections.abc import Mapping

SHOP: Mapping[str, str] = {
    "shop/cart.py": '''"""A basket of goods."""


class Cart:
    """What a customer is about to buy."""

    def __init__(self):
        self.lines = []

    def add(self, article, count=1):
        """Put an article into the basket."""
        self.lines.append((article, count))

    def total(self):
        """Sum of the prices of all lines."""
        return sum(article.price * count for article, count in self.lines)
''',
    "shop/files.py": '''import json
import os


def load_settings(path):
    """Read the settings from a JSON file."""
    with open(path) as file:
        return json.load(file)


def remove_old_files(folder, age):
    """Delete files that were not touched for some time."""
    for entry in os.scandir(folder):
        if entry.stat().st_mtime < age:
            os.unlink(entry.path)
''',
    "web/retry.go": """package web

import "time"

// Retry calls send until it succeeds, waiting longer each time.
func Retry(send func() error, attempts int) error {
	var err error
	for i := 0; i < attempts; i++ {
		if err = send(); err == nil {
			return nil
		}
		time.Sleep(time.Duration(1<<i) * time.Second)
	}
	return err
}
""",
}
QUESTION = "sum of the prices in the basket"
TARGET = "shop/cart.py:total"

_VERBS = ("load", "store", "parse", "send", "count", "merge", "trim", "draw", "sort", "hash", "copy", "wait")
_NOUNS = ("order", "user", "price", "image", "packet", "token", "page", "route", "frame", "ticket")


def many(folders: int, files: int, functions: int, first: int = 0) -> dict[str, str]:
    """`SHOP` and generated modules.

    Args:
        folders: each holds the same modules, so that few texts have to be embedded for many units.
        files: modules in a folder.
        functions: in a module.
        first: number of the first module; modules of other numbers have other texts.
    """
    made = {
        f"d{folder}/m{file}.py": _module(file, functions)
        for folder in range(folders)
        for file in range(first, first + files)
    }
    return {**SHOP, **made}


def _module(file: int, functions: int) -> str:
    noun = _NOUNS[file % len(_NOUNS)]
    return "\n\n".join(
        f"def {_VERBS[i % len(_VERBS)]}_{noun}_{file}_{i}(value):\n"
        f'    """{_VERBS[i % len(_VERBS)].title()} the {noun} number {file * functions + i}."""\n'
        f"    return value {'+-*/'[i % 4]} {file * functions + i}\n"
        for i in range(functions)
    )
