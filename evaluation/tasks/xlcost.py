"""XLCoST (Zhu et al. 2022), where a user has its files: programs in seven languages and what they do.

Any part of its archive will do: `code2code_search` and `nl2code_search` (rows of tokens), `pair_data_tok_*`
(a line a program, the same line in both files), `pair_data_tok_*_desc` and `*_comment` (a line a text).
Where there are both programs and snippets, programs are taken: whole functions are what the tool searches.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from evaluation.files import read_rows
from evaluation.tasks.code2code import Solution, pairs, tasks
from evaluation.tasks.groups import TEXT, Group, Missing, Pool, Snippet, Task, Wanted, reading

LANGUAGES = {
    "C": "c",
    "C#": "csharp",
    "C++": "cpp",
    "Java": "java",
    "Javascript": "javascript",
    "PHP": "php",
    "Python": "python",
}
"""XLCoST's name -> codesift's."""
_SUFFIXES = {
    ".c": "c",
    ".cs": "csharp",
    ".cpp": "cpp",
    ".java": "java",
    ".js": "javascript",
    ".php": "php",
    ".py": "python",
}
_PARTITIONS = {"dev": ("valid", "val"), "test": ("test",)}

TextCodePairs = dict[str, list[tuple[str, str]]]
"""Language -> (text, code)."""


def load(wanted: Wanted) -> Iterator[Task]:
    """Code to code for each pair of languages, and description to code for each language.

    Raises:
        Missing: there is no such folder, or nothing in it.
    """
    if wanted.xlcost is None:
        raise Missing("no XLCoST files", "give --xlcost FOLDER")
    with reading(wanted.xlcost):
        found = [*_code(wanted), *_text(wanted)]
    if not found:
        raise Missing(
            f"no files of XLCoST in {wanted.xlcost}", "expected code2code_search/ or pair_data_tok_full/"
        )
    yield from found


def _code(wanted: Wanted) -> Iterator[Task]:
    assert wanted.xlcost is not None
    solutions = [each for each in searched(wanted.xlcost, wanted.partition) if wanted.wants(each.language)]
    if solutions:
        yield from tasks("xlcost", solutions)
        return
    groups = [
        group
        for folder in _folders(wanted.xlcost, "pair_data_tok_full", "pair_data_tok_1")
        for group in pairs(aligned(folder, wanted.partition))
        if all(map(wanted.wants, group.name.split(" -> ")))
    ]
    if groups:
        yield Task("xlcost", "program -> the same program in one other language", tuple(groups))


def _text(wanted: Wanted) -> Iterator[Task]:
    assert wanted.xlcost is not None
    described = described_rows(wanted.xlcost, wanted.partition) or described_lines(
        wanted.xlcost, wanted.partition
    )
    groups = [
        Group(name, (_pool(name, rows),)) for name, rows in sorted(described.items()) if wanted.wants(name)
    ]
    if groups:
        yield Task("xlcost-text", "description -> program", tuple(groups))


def _pool(language: str, rows: Sequence[tuple[str, str]]) -> Pool:
    """Programs with the same description all answer it; it is asked once."""
    places: dict[str, list[int]] = defaultdict(list)
    for row, (text, _) in enumerate(rows):
        places[text].append(row)
    return Pool(
        tuple(Snippet("", text, TEXT) for text in places),
        tuple(Snippet("", code, language) for _, code in rows),
        tuple(map(tuple, places.values())),
    )


# -- reading --------------------------------------------------------------------------------------


def searched(folder: Path, partition: str) -> list[Solution]:
    """Programs of `code2code_search`, each once: a row holds a program and its counterpart.

    Its `idx` is `9359-C/9359-Python`, at the level of snippets `9359-C-1/9359-Python-1`.
    """
    found: dict[tuple[str, str], Solution] = {}
    for path in _row_files(folder, "code2code_search", partition):
        for row in read_rows(path):
            sides = zip(
                str(row["idx"]).split("/"), (row["docstring_tokens"], row["code_tokens"]), strict=True
            )
            for place, tokens in sides:
                problem, language, *snippet = place.split("-")
                task = "-".join([problem, *snippet])
                name = LANGUAGES[language]
                found.setdefault((task, name), Solution(task, name, source(tokens)))
    return [found[key] for key in sorted(found)]


def aligned(folder: Path, partition: str) -> list[Solution]:
    """Programs of one folder of pairs: the same line of its files is the same program."""
    files = [
        path for path in sorted(folder.iterdir()) if _is_of(path, partition) and path.suffix in _SUFFIXES
    ]
    return [
        Solution(str(number), _SUFFIXES[path.suffix], source(line.split()))
        for path in files
        for number, line in enumerate(_lines(path))
    ]


def described_rows(folder: Path, partition: str) -> TextCodePairs:
    """What `nl2code_search` holds."""
    found: TextCodePairs = defaultdict(list)
    for path in _row_files(folder, "nl2code_search", partition):
        for row in read_rows(path):
            text = " ".join(row["docstring_tokens"])
            found[LANGUAGES[path.parent.name]].append((text, source(row["code_tokens"])))
    return found


def described_lines(folder: Path, partition: str) -> TextCodePairs:
    """What the folders of programs with descriptions hold, or else snippets with comments."""
    found: TextCodePairs = defaultdict(list)
    for each in _folders(folder, "pair_data_tok_full_desc", "pair_data_tok_1_comment"):
        files = [path for path in sorted(each.iterdir()) if _is_of(path, partition)]
        texts = next((path for path in files if path.suffix == ".txt"), None)
        codes = next((path for path in files if path.suffix in _SUFFIXES), None)
        if texts and codes:
            rows = zip(_lines(texts), _lines(codes), strict=True)
            found[_SUFFIXES[codes.suffix]] += [(text, source(code.split())) for text, code in rows]
    return found


def source(tokens: Sequence[str]) -> str:
    """Source text of XLCoST's tokens: lines and, for Python, indentation are tokens of their own."""
    lines: list[list[str]] = [[]]
    indent = 0
    for token in tokens:
        if token == "NEW_LINE":
            lines.append(["    " * indent] if indent else [])
        elif token in ("INDENT", "DEDENT"):
            indent = max(indent + (1 if token == "INDENT" else -1), 0)
            if not "".join(lines[-1]).strip():
                lines[-1] = ["    " * indent] if indent else []
        else:
            # Spaces inside a string are written as this mark.
            lines[-1].append(token.replace("\u2581", " ") + " ")
    return "\n".join("".join(line).rstrip() for line in lines).strip("\n")


def _row_files(folder: Path, part: str, partition: str) -> list[Path]:
    names = [f"{name}.jsonl" for name in _PARTITIONS[partition]]
    return [
        path
        for level in _folders_of(folder, part, ("program_level", "snippet_level"))
        for language in LANGUAGES
        for path in (level / language / name for name in names)
        if path.is_file()
    ]


def _folders_of(folder: Path, part: str, levels: Sequence[str]) -> list[Path]:
    """The first level that is there."""
    found = (path for level in levels for path in sorted(folder.rglob(f"{part}/{level}")))
    return [path for path in [next(found, None)] if path]


def _folders(folder: Path, *parts: str) -> list[Path]:
    """The folders inside the first part that is there."""
    roots = [path for part in parts for path in sorted(folder.rglob(part)) if path.is_dir()]
    return [path for path in sorted(roots[0].iterdir()) if path.is_dir()] if roots else []


def _is_of(path: Path, partition: str) -> bool:
    return path.name.startswith(tuple(f"{name}-" for name in _PARTITIONS[partition]))


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()
