"""Languages: a table with a row for each, and the detection of a file's language."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from functools import cache

from codesift.errors import UsageError

UNITS = "2"
"""Version of the parser. Raise it whenever the same file would be cut into other units."""


@dataclass(frozen=True)
class Language:
    """A language: how its files are recognized and parsed."""

    name: str
    """Key of the row."""
    suffixes: tuple[str, ...] = ()
    """File name endings, lower case, with the dot."""
    filenames: tuple[str, ...] = ()
    """Whole file names, in their letter case."""
    aliases: tuple[str, ...] = ()
    """Other names a user may type."""
    interpreters: tuple[str, ...] = ()
    """Programs of a `#!` line, without version."""
    grammar: str = ""
    """Module that holds the tree-sitter grammar; empty for `text`."""
    function: str = "language"
    """Function of that module that returns the grammar."""
    query: str = ""
    """File in `queries/`, without `.scm`; empty if it has the name of the row."""
    lexer: str = "text"
    """Name of the language in pygments."""
    line_comment: str = "//"
    separator: str = "."
    """Separator of the parts of a qualified name."""
    macros: bool = False
    """Whether code has macros where the grammar allows none, which are hidden from it."""


_ROWS = (
    Language(
        "python",
        (".py", ".pyi", ".pyw"),
        ("SConstruct", "SConscript", "wscript"),
        ("py", "python3"),
        ("python", "pypy", "uv"),
        "tree_sitter_python",
        lexer="python",
        line_comment="#",
    ),
    Language(
        "javascript",
        (".js", ".jsx", ".mjs", ".cjs"),
        ("Jakefile",),
        ("js", "jsx", "ecmascript", "node"),
        ("node", "nodejs", "bun"),
        "tree_sitter_javascript",
        lexer="jsx",
    ),
    Language(
        "typescript",
        (".ts", ".mts", ".cts"),
        (),
        ("ts",),
        ("deno", "ts-node", "tsx"),
        "tree_sitter_typescript",
        "language_typescript",
        lexer="typescript",
    ),
    Language(
        "tsx",
        (".tsx",),
        grammar="tree_sitter_typescript",
        function="language_tsx",
        query="typescript",
        lexer="tsx",
    ),
    Language("java", (".java",), grammar="tree_sitter_java", lexer="java"),
    Language("go", (".go",), (), ("golang",), grammar="tree_sitter_go", lexer="go"),
    Language(
        "ruby",
        (".rb", ".rake", ".gemspec", ".ru", ".podspec"),
        ("Rakefile", "Gemfile", "Guardfile", "Vagrantfile", "Capfile", "Podfile", "Fastfile", "Brewfile"),
        ("rb",),
        ("ruby", "jruby"),
        "tree_sitter_ruby",
        lexer="ruby",
        line_comment="#",
        separator="::",
    ),
    Language(
        "php",
        (".php", ".phtml", ".php5", ".php7", ".phps"),
        (),
        (),
        ("php",),
        "tree_sitter_php",
        "language_php",
        lexer="php",
        separator="::",
    ),
    Language("c", (".c", ".h"), (), (), ("tcc",), "tree_sitter_c", lexer="c", macros=True),
    Language(
        "cpp",
        (".cc", ".cpp", ".cxx", ".c++", ".hh", ".hpp", ".hxx", ".h++", ".ipp", ".inl", ".tcc", ".tpp", ".cu"),
        (),
        ("c++", "cxx", "cc", "hpp"),
        grammar="tree_sitter_cpp",
        lexer="cpp",
        separator="::",
        macros=True,
    ),
    Language(
        "csharp",
        (".cs", ".csx"),
        (),
        ("c#", "cs", "c_sharp", "dotnet"),
        grammar="tree_sitter_c_sharp",
        lexer="csharp",
    ),
    Language(
        "rust",
        (".rs",),
        (),
        ("rs",),
        ("rust-script",),
        "tree_sitter_rust",
        lexer="rust",
        separator="::",
    ),
    Language("kotlin", (".kt", ".kts"), (), ("kt",), ("kotlin",), "tree_sitter_kotlin", lexer="kotlin"),
    Language("swift", (".swift",), interpreters=("swift",), grammar="tree_sitter_swift", lexer="swift"),
    Language(
        "scala",
        (".scala", ".sc", ".sbt"),
        interpreters=("scala", "scala-cli", "amm"),
        grammar="tree_sitter_scala",
        lexer="scala",
    ),
    Language("text", (".txt",), (), ("plain",), line_comment=""),
)

LANGUAGES: dict[str, Language] = {row.name: row for row in _ROWS}

_SUFFIXES = {suffix: row.name for row in _ROWS for suffix in row.suffixes}
_FILENAMES = {filename: row.name for row in _ROWS for filename in row.filenames}
_INTERPRETERS = {program: row.name for row in _ROWS for program in row.interpreters}
_NAMES = {name: row.name for row in _ROWS for name in (row.name, *row.aliases)}

_SHEBANG = re.compile(rb"#![ \t]*(\S+)(?:[ \t]+(?:-\S+[ \t]+)*(\S+))?")


@cache
def _cpp_marks() -> re.Pattern[bytes]:
    """Match lines that occur in headers of C++ and not of C."""
    return re.compile(
        rb"^[ \t]*(?:(?:inline[ \t]+)?namespace\b[\w: \t]*(?:\{|$)|template[ \t]*<"
        rb"|class[ \t]+\w+(?:[ \t]+\w+)?[ \t]*(?:final[ \t]*)?(?:[:{;]|$)"
        rb"|using[ \t]+(?:namespace\b|\w+[ \t]*=|[\w:]+;)"
        rb"|enum[ \t]+class\b|[^/*\"\n]*\bstd::[\w:]+(?:<|[ \t]*[&*]|[ \t]+\w+[ \t]*[;(,=){])"
        rb"|(?:public|private|protected)[ \t]*:|(?:constexpr|virtual|explicit|friend)[ \t][^\n]*[;{)]"
        rb"|#[ \t]*include[ \t]*<(?:[a-z_]+|\w+/[\w/]+\.hpp)>)",
        re.MULTILINE,
    )


def language_of(path: str, head: bytes = b"") -> str:
    """Return the name of the row of `LANGUAGES` that a file belongs to; `text` where none fits.

    Args:
        path: path or name of the file.
        head: its first few kilobytes, which decide for `.h` and for files without a known suffix.
    """
    filename = path.rpartition("/")[2]
    suffix = "." + filename.rpartition(".")[2].lower() if "." in filename else ""
    if suffix == ".h":
        return "cpp" if _cpp_marks().search(head) else "c"
    return _SUFFIXES.get(suffix) or _FILENAMES.get(filename) or _by_shebang(head)


def _by_shebang(head: bytes) -> str:
    match = _SHEBANG.match(head)
    if match is None:
        return "text"
    program = match[1].rpartition(b"/")[2]
    if program == b"env" and match[2]:
        program = match[2].rpartition(b"/")[2]
    return _INTERPRETERS.get(program.decode("ascii", "replace").rstrip("0123456789."), "text")


def resolve_language(name: str) -> str:
    """Return the name of the row of `LANGUAGES` that a user means by `name`.

    Raises:
        UsageError: no row has that name or alias.
    """
    wanted = name.strip().lower()
    if wanted in _NAMES:
        return _NAMES[wanted]
    nearest = difflib.get_close_matches(wanted, _NAMES, n=1, cutoff=0.5)
    hint = f"did you mean {nearest[0]}?" if nearest else "known: " + ", ".join(LANGUAGES)
    raise UsageError(f"unknown language {name!r}", hint)
