"""Documentation of a function -> the function, inside packages no training pair comes from."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator

from evaluation.files import read_rows
from evaluation.records import LANGUAGES, Function
from evaluation.tasks.groups import TEXT, Group, Missing, Pool, Snippet, Task, Wanted, reading, say

MOST_FUNCTIONS, MOST_QUERIES = 300, 60
"""Of one package, so that no large one decides a language's figure."""
FEWEST_FUNCTIONS = 10
"""In a smaller package nearly any order is right."""


def load(wanted: Wanted) -> Iterator[Task]:
    """One group a language, one pool a package.

    Raises:
        Missing: no language has been mined.
    """
    groups = []
    for language in filter(wanted.wants, LANGUAGES):
        path = wanted.work / "mined" / f"{language}.jsonl.gz"
        if not path.is_file():
            say(f"packages: {language} has not been mined")
            continue
        with reading(path):
            rows = [row for row in read_rows(path) if row["partition"] == wanted.partition]
            functions = [Function.from_json(row) for row in rows]
        pools = package_pools(functions, wanted.seed, wanted.packages)
        if pools:
            groups.append(Group(language, tuple(pools)))
    if not groups:
        raise Missing(
            f"no functions of partition {wanted.partition} in {wanted.work / 'mined'}", "mine first"
        )
    about = f"documentation -> function without it, inside each package of partition {wanted.partition}"
    yield Task("packages", about, tuple(groups))


def package_pools(functions: Iterable[Function], seed: int, limit: int = 0) -> list[Pool]:
    """A pool for each package that can be measured, in an order that is the same for the same seed.

    Args:
        functions: of one language and one partition; heads of classes are left alone.
        seed: of what is drawn.
        limit: at most this many packages; 0 is all.
    """
    packages: dict[str, list[Function]] = defaultdict(list)
    for function in functions:
        if function.kind != "class":
            packages[function.package].append(function)
    names = sorted(packages)
    random.Random(seed).shuffle(names)
    pools = (_pool(packages[name], random.Random(f"{seed} {name}")) for name in names)
    found = [pool for pool in pools if pool]
    return found[:limit] if limit else found


def _pool(functions: list[Function], chance: random.Random) -> Pool | None:
    """Functions with the same documentation all answer it; it is asked once."""
    functions = sorted(functions, key=lambda each: (each.path, each.start_line, each.func_name))
    chance.shuffle(functions)
    asked = list({each.docstring: each for each in functions if each.docstring}.values())[:MOST_QUERIES]
    if len(functions) < FEWEST_FUNCTIONS or not asked:
        return None
    rest = [each for each in functions if each not in asked]
    corpus = [*asked, *rest][:MOST_FUNCTIONS]
    texts = [each.text(documentation=False) for each in corpus]
    return Pool(
        tuple(Snippet("", each.docstring, TEXT) for each in asked),
        tuple(Snippet(*text, each.language) for text, each in zip(texts, corpus, strict=True)),
        tuple(
            tuple(row for row, each in enumerate(corpus) if each.docstring == one.docstring) for one in asked
        ),
    )
