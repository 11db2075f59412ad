"""All rules for leaving files out of an index, with their reasons.

A path is judged by the names of its folders and of its file, always relative to the root of the repository,
so that a repository below a folder `node_modules` is indexed like any other. Where the name does not decide,
the first kilobytes and the shape of the lines do. `.codesiftignore` overrides the rules for names: a pattern
such as `!vendor/` restores what they leave out.
"""

from __future__ import annotations

import codecs
import re

REASONS: dict[str, str] = {
    "tool": "folder of a version control system, a tool or a cache",
    "vendored": "copy of somebody else's code: installed packages, vendor and third-party folders",
    "generated": "written by a program: a lock file, a generator's file name, or a header that says so",
    "minified": "most of it stands in very long lines, or its name says it is minified",
    "binary": "not text: an image, an archive, a compiled file, ...",
    "data": "rows, drawings or translations, or a large file of a format that is used for data",
    "too large": "more bytes than the setting max_file_size",
    "ignored": "matches a pattern of .gitignore or .codesiftignore",
    "worktree": "another checkout of the same repository, made by git worktree inside this one",
    "excluded": "the settings include and exclude leave it out",
    "link": "symbolic link; what it points to is indexed under its own name or not at all",
    "special": "neither a file nor a folder: a pipe, a socket, a device",
    "name": "its name is not valid UTF-8, so it could be neither stored nor shown",
    "unreadable": "the system refused to open it",
    "vanished": "it was there when files were listed and gone when it was read",
}
"""Reason -> description for the user, in the order of the summary of `codesift index`."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _by_suffix(endings: dict[str, tuple[str, ...]]) -> dict[str, list[tuple[str, str]]]:
    """Group (ending, reason) pairs by their suffix, so that a name is compared with few of them."""
    by_suffix: dict[str, list[tuple[str, str]]] = {}
    for reason, names in endings.items():
        for name in names:
            by_suffix.setdefault(_suffix(name), []).append((name, reason))
    return by_suffix


def _suffix(name: str) -> str:
    dot = name.rfind(".")
    return name[dot:] if dot >= 0 else ""


TOOL_FOLDERS = _words("""
    .git .hg .svn .bzr .jj .sl _darcs .pijul cvs .repo .codesift .idea .vs .vscode .fleet .settings
    .metadata .history __pycache__ .mypy_cache .ruff_cache .pytest_cache .pytype .pyre .hypothesis
    .ipynb_checkpoints .tox .nox .eggs .cache .ccache .ccls-cache .clangd .direnv .gradle .mvn .bloop
    .metals .bsp .scala-build .build .swiftpm .dart_tool .terraform .serverless .aws-sam .next .nuxt
    .svelte-kit .angular .astro .parcel-cache .turbo .nx .yarn .pnpm-store .npm .bundle .sass-cache
    .nyc_output .docusaurus .expo .phpunit.cache .zig-cache zig-cache
""")
VENDORED_FOLDERS = _words("""
    node_modules bower_components jspm_packages web_modules vendor vendors vendored _vendor third_party
    third-party thirdparty 3rdparty 3rd_party 3rd-party third_parties godeps .venv venv virtualenv
    .virtualenv site-packages dist-packages __pypackages__ pods carthage elm-stuff
""")
GENERATED_FOLDERS = _words("htmlcov __generated__ generated-sources generated-src deriveddata __snapshots__")
FOLDER_ENDINGS = ((".egg-info", "generated"), (".dist-info", "vendored"))
FOLDER_MARKERS = (("pyvenv.cfg", "vendored"), ("CACHEDIR.TAG", "tool"))
"""Files that mark a folder to be left out whatever its name: a virtual environment; a cache by the convention
of bford.info/cachedir, which the `target` of cargo and the caches of many tools follow."""

GENERATED_NAMES = _words("""
    package-lock.json npm-shrinkwrap.json yarn.lock pnpm-lock.yaml bun.lock deno.lock .package-lock.json
    poetry.lock pipfile.lock uv.lock pdm.lock pixi.lock conda-lock.yml pylock.toml cargo.lock gemfile.lock
    composer.lock go.sum go.work.sum gopkg.lock glide.lock flake.lock mix.lock rebar.lock pubspec.lock
    podfile.lock cartfile.resolved package.resolved packages.lock.json project.assets.json paket.lock
    gradle.lockfile buildscript-gradle.lockfile module.bazel.lock .terraform.lock.hcl stack.yaml.lock
    cabal.project.freeze parsetab.py lextab.py .pnp.cjs .pnp.loader.mjs wire_gen.go
""")
GENERATED_ENDINGS = (
    *(".pb.go", ".pb.gw.go", ".pb.h", ".pb.cc", ".pb.swift", ".pb.rs", ".pbobjc.h", ".pbobjc.m", ".twirp.go"),
    *("_pb2.py", "_pb2.pyi", "_pb2_grpc.py", "_pb2_grpc.pyi", "_pb.js", "_pb.ts", "_pb.d.ts", "_pb.rb"),
    *("_grpc_pb.js", "_grpc_pb.d.ts", ".g.cs", ".g.i.cs", ".designer.cs", ".designer.vb", ".assemblyinfo.cs"),
    *(
        ".g.dart",
        ".freezed.dart",
        ".generated.cs",
        ".generated.ts",
        ".generated.go",
        "_generated.go",
        ".gen.go",
    ),
    *(".gen.ts", "_gen.pb.go", ".map", ".snap", ".tsbuildinfo"),
)
MINIFIED_ENDINGS = tuple(
    f"{mark}min{end}" for mark in ".-" for end in (".js", ".mjs", ".cjs", ".css", ".html")
)

BINARY_SUFFIXES = _words("""
    .png .jpg .jpeg .gif .bmp .ico .icns .webp .avif .heic .tif .tiff .psd .ai .xcf .sketch .fig .eps .exr
    .hdr .mp3 .wav .ogg .oga .flac .aac .m4a .mid .midi .mp4 .m4v .avi .mov .mkv .webm .wmv .flv .ogv .ttf
    .otf .woff .woff2 .eot .pfb .zip .gz .tgz .bz2 .xz .zst .lz4 .lzma .br .7z .rar .tar .jar .war .ear
    .aar .apk .ipa .dmg .iso .img .deb .rpm .msi .cab .whl .egg .gem .nupkg .crate .phar .exe .dll .so
    .dylib .a .o .lib .obj .ko .pyc .pyo .pyd .class .dex .wasm .bc .pdb .ilk .elc .beam .hi .rlib .rmeta
    .nib .car .pdf .doc .docx .xls .xlsx .ppt .pptx .odt .ods .odp .epub .djvu .ps .db .sqlite .sqlite3
    .mdb .accdb .parquet .arrow .feather .orc .avro .npy .npz .pkl .pickle .joblib .h5 .hdf5 .mat .rds
    .rdata .pt .pth .ckpt .onnx .safetensors .gguf .tflite .pb .tfrecord .bin .dat .blend .fbx .glb .stl
    .keystore .jks .p12 .pfx .der .gpg .mo .gmo .swp .swo .lockb .ds_store .dump .pack .idx .pcap .ktx
    .dds
""")
DATA_SUFFIXES = _words("""
    .csv .tsv .psv .jsonl .ndjson .geojson .topojson .svg .log .out .po .pot .xlf .xliff .dic .aff .lst
    .fasta .fa .fastq .vcf .bed .gff .gpx .kml .ply .off .sum .sha256 .md5 .pem .crt .cer .csr .asc .sig
""")
LARGE_DATA_SUFFIXES = _words("""
    .json .json5 .xml .yaml .yml .html .htm .xhtml .txt .sql .plist .resx .ipynb .har .drawio .dot .hex
    .srt .bib .ldif .pbtxt .prototxt .tmlanguage
""")
LARGE_DATA_BYTES = 100_000
"""Size from which a file of `LARGE_DATA_SUFFIXES` counts as data: a fixture, a dump or a recording."""

PROSE_SUFFIXES = _words(".md .markdown .mdx .rst .txt .adoc .asciidoc .tex .org .textile .rdoc .pod")
"""Formats in which a paragraph may be one line, so that long lines do not mean they are minified."""

HEAD_BYTES = 8192
"""Bytes of a file that decide whether it is binary, and characters that decide whether it is generated."""
LONG_LINE = 1000
"""Characters of a long line. Formatters break lines at 80 to 120, minifiers never or at several thousand."""

_SUFFIX_REASONS = dict.fromkeys(BINARY_SUFFIXES, "binary") | dict.fromkeys(DATA_SUFFIXES, "data")
_ENDINGS = _by_suffix({"minified": MINIFIED_ENDINGS, "generated": GENERATED_ENDINGS})
_FOLDER_REASONS = (
    dict.fromkeys(TOOL_FOLDERS, "tool")
    | dict.fromkeys(VENDORED_FOLDERS, "vendored")
    | dict.fromkeys(GENERATED_FOLDERS, "generated")
)
_UNICODE_MARKS = (b"\xff\xfe", b"\xfe\xff")
"""Byte order marks of UTF-16, and of UTF-32 in little-endian order, which begins like one of them."""
_UTF32_BIG = b"\x00\x00\xfe\xff"
_CONTROL = bytes([*range(1, 8), *range(14, 27), *range(28, 32)])

_COMMENT = r"^[ \t]*(?://|\#|/?\*|--|;|<!--|%|\(\*|\"\"\"|\{-|@?rem\b)[^\n]*"
_GENERATED_HEADER = re.compile(
    rf"""
    ^[ \t]*(?:/[/*]+!?|\#+|\*|--+|;+|<!--|%+|\(\*)[ \t]*@generated\b
    | {_COMMENT}<auto-?generated\b
    | {_COMMENT}(?i:(?<!begin\ )generated\b[^\n]*(?:\n[^\n]*){{0,2}}\bdo\ not\ (?:edit|modify|change|make))
    | {_COMMENT}(?i:do\ not\ (?:edit|modify|change)\b[^\n]*(?:\n[^\n]*)?\bgenerated\ (?:by|from|file|code))
    | {_COMMENT}\bGenerated\ by\ (?:Cython|SWIG|PyQt|the\ protocol\ buffer|gRPC|flatc)\b
    | {_COMMENT}\bGenerated\ from\ \S+\ by\ ANTLR
    | {_COMMENT}\b(?:A\ Bison\ parser,\ made\ by|A\ lexical\ scanner\ generated\ by|Meta\ object\ code\ from)
    """,
    re.MULTILINE | re.VERBOSE,
)
_HEADER_LINES = 40
"""Maximum number of lines at the head of a file in which a generator's comment is searched for. Build tags
and a license may precede it."""


def skip_by_path(path: str) -> str | None:
    """Return why a file is left out for the names in its path from the root; None if it is not."""
    *folders, name = path.split("/")
    return next((reason for part in folders if (reason := skip_folder(part))), None) or skip_name(name)


def skip_folder(name: str) -> str | None:
    """Return why everything in a folder of this name is left out; None if it is not."""
    name = name.lower()
    ending = (reason for end, reason in FOLDER_ENDINGS if name.endswith(end))
    return _FOLDER_REASONS.get(name) or next(ending, None)


def skip_name(name: str) -> str | None:
    """Return why a file of this name is left out in any folder; None if it is not."""
    name = name.lower()
    suffix = _suffix(name)
    if reason := _SUFFIX_REASONS.get(suffix):
        return reason
    for ending, reason in _ENDINGS.get(suffix, ()):
        if name.endswith(ending):
            return reason
    if name in GENERATED_NAMES or name.startswith("zz_generated."):
        return "generated"
    # A file of this name is the pointer of a submodule or a work tree to its repository.
    return "tool" if name in (".git", ".codesift") else None


def skip_by_size(name: str, size: int, limit: int) -> str | None:
    """Return why a file of `size` bytes is left out; None if it is not."""
    if size > limit:
        return "too large"
    return "data" if size > LARGE_DATA_BYTES and _suffix(name.lower()) in LARGE_DATA_SUFFIXES else None


def skip_by_text(text: str, prose: bool = False) -> str | None:
    """Return why a file with this text is left out: `generated`, `minified`, or None if it is not.

    Args:
        text: the whole file, or its beginning.
        prose: whether a paragraph may be one line, see `is_prose`.
    """
    if is_generated(text):
        return "generated"
    return "minified" if not prose and is_minified(text) else None


def is_binary(head: bytes) -> bool:
    """Return whether a file that begins with `head` is not text.

    It is binary if it contains a NUL byte, except after the byte order mark of UTF-16 or UTF-32; or if it is
    not UTF-8 and more than two in a hundred bytes are control characters.
    """
    if head.startswith(_UNICODE_MARKS) or head.startswith(_UTF32_BIG):
        return False
    if b"\0" in head:
        return True
    controls = len(head) - len(head.translate(None, _CONTROL))
    return controls * 50 > len(head) and not _is_utf8(head)


def is_generated(text: str) -> bool:
    """Return whether a comment near the top states that a program wrote the file."""
    head = text[:HEAD_BYTES]
    lowered = head.lower()
    if "generated" not in lowered and "bison" not in lowered and "meta object" not in lowered:
        return False
    lines = head.split("\n", _HEADER_LINES)[:_HEADER_LINES]
    return _GENERATED_HEADER.search("\n".join(line[:LONG_LINE] for line in lines)) is not None


def is_minified(text: str) -> bool:
    """Return whether more than half of a text is in lines over `LONG_LINE` characters."""
    if len(text) <= 2 * LONG_LINE:
        return False
    return 2 * sum(len(line) for line in text.split("\n") if len(line) > LONG_LINE) > len(text)


def is_prose(path: str) -> bool:
    """Return whether the file's suffix is one of natural language."""
    return _suffix(path.lower()) in PROSE_SUFFIXES


def _is_utf8(head: bytes) -> bool:
    """Return whether these bytes are UTF-8, whose last character may be cut."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True
