from __future__ import annotations

import dataclasses
import io
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from codesift.parsing.languages import LANGUAGES
from codesift.terminal.render import (
    Mode,
    View,
    answer_json,
    choose_mode,
    progress,
    show_answer,
    show_coverage,
    show_models,
    show_note,
    show_report,
    show_status,
    size,
)
from codesift.terminal.render.excerpt import Line, code_lines, excerpt
from codesift.types import Answer, Hit, Judgement, Report

RETRY = '''\
@contextmanager
def retry(
    attempts: int,
) -> Iterator[None]:
    """Run the block again while it fails.

    Waits longer after each failure.
    """
    pause = 0.1
    for attempt in range(attempts):
        try:
            yield

        except OSError as error:
            log.warning("attempt %d failed: %s", attempt, error)
            time.sleep(pause)
            pause *= 2
        else:
            return

    raise GaveUp(attempts)
'''
HOSTILE = "\x1b]0;owned\x07\x9b31m\u202e\u2066\u2028\x7f"
ANSI = re.compile(r"\x1b\[[0-9;]*m|\x1b\]8;[^\x1b]*\x1b\\")


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)


def make_hit(code: str = RETRY, **changes: object) -> Hit:
    """A hit on `retry`, whose first line is line 11 of its file."""
    end = 10 + len(code.removesuffix("\n").split("\n"))
    hit = Hit(
        unit_id=7,
        path="src/net/retry.py",
        language="python",
        kind="function",
        name="retry",
        qualified_name="retry",
        start_line=11,
        end_line=end,
        score=0.8312345678,
        signals={"words": 0.31, "semantic": 0.5212345678},
        best_lines=(11, end),
        focus_line=27,
        code=code,
    )
    return dataclasses.replace(hit, **changes)  # type: ignore[arg-type]


def make_answer(*hits: Hit, query: str = "retry with backoff") -> Answer:
    return Answer(query, "/srv/project", 120, 100, hits)


def shown(mode: Mode, *hits: Hit, view: View | None = None, out: io.StringIO | None = None) -> str:
    out = out or (Terminal() if mode == "human" else io.StringIO())
    show_answer(make_answer(*hits), dataclasses.replace(view or View(), mode=mode), out)
    return out.getvalue()


def on_screen(*hits: Hit, view: View | None = None) -> list[str]:
    return ANSI.sub("", shown("human", *hits, view=view)).splitlines()


def numbers(lines: list[Line]) -> list[int]:
    return [line.number for line in lines]


def excerpt_of(hit: Hit, view: View | None = None) -> list[int]:
    return numbers(excerpt(hit, code_lines(hit), view or View()))


# Which lines


def test_a_long_unit_shows_its_signature_and_the_lines_around_the_focus() -> None:
    assert excerpt_of(make_hit()) == [12, *range(25, 32)]


def test_a_short_unit_is_shown_whole() -> None:
    assert excerpt_of(make_hit("def retry():\n    return 1\n", focus_line=12)) == [11, 12]


def test_without_a_focus_the_beginning_is_shown_after_the_decorators() -> None:
    assert excerpt_of(make_hit(focus_line=0)) == list(range(12, 20))


def test_context_counts_lines_on_each_side_of_the_focus() -> None:
    assert excerpt_of(make_hit(), View(context=1)) == [12, 26, 27, 28]
    assert excerpt_of(make_hit(), View(context=0)) == [12, 27]


def test_context_also_cuts_a_short_unit() -> None:
    code = "def retry():\n    a\n    b\n    c\n    d\n"
    assert excerpt_of(make_hit(code, focus_line=15), View(context=0)) == [11, 15]


def test_a_single_line_left_out_is_shown_instead_of_a_mark() -> None:
    assert excerpt_of(make_hit(focus_line=14), View(context=0)) == [12, 13, 14]


def test_blank_lines_at_the_edge_of_the_window_are_dropped() -> None:
    assert excerpt_of(make_hit(focus_line=22), View(context=1)) == [12, 21, 22]


def test_full_shows_every_line() -> None:
    assert excerpt_of(make_hit(), View(full=True)) == list(range(11, 32))


def test_what_has_no_declaration_shows_only_the_best_part() -> None:
    assert excerpt_of(make_hit(kind="module", name="retry.py"), View(context=1)) == [26, 27, 28]


def test_a_focus_outside_the_unit_is_ignored() -> None:
    assert excerpt_of(make_hit(focus_line=900, best_lines=(900, 910)), View(context=0)) == [12]


def test_only_a_newline_ends_a_line() -> None:
    code = "def retry():\r\n    a = '\x0c\x1c\u2028'\r\n    return a\r\n"
    assert [line.text for line in code_lines(make_hit(code))] == [
        "def retry():",
        "    a = '\x0c\x1c\u2028'",
        "    return a",
    ]


# plain


def test_plain_prints_place_name_score_and_numbered_code() -> None:
    assert shown("plain", make_hit(), view=View(context=1)) == (
        "src/net/retry.py:11: retry  (function, score 0.83)\n"
        "  12| def retry(\n"
        "   ⋮\n"
        "  26|             time.sleep(pause)\n"
        "  27|             pause *= 2\n"
        "  28|         else:\n"
    )


def test_plain_separates_hits_by_a_blank_line() -> None:
    short = make_hit("def retry(): ...", focus_line=0)
    assert shown("plain", short, short).split("\n\n")[1].startswith("src/net/retry.py:11: retry")


def test_plain_explains_the_score_with_the_largest_share_first() -> None:
    text = shown("plain", make_hit(), view=View(explain=True))
    assert text.splitlines()[1] == "  = semantic 0.521 + words 0.310"


def test_plain_says_when_the_code_could_not_be_read() -> None:
    assert shown("plain", make_hit("")).splitlines()[1:] == ["  (the file could not be read again)"]


def test_plain_cuts_a_very_long_line_unless_the_whole_unit_was_asked_for() -> None:
    hit = make_hit("x" * 5000, focus_line=11)
    assert shown("plain", hit).splitlines()[1] == "  11| " + "x" * 299 + "…"
    assert "x" * 5000 in shown("plain", hit, view=View(full=True))


def test_a_small_score_keeps_its_digits() -> None:
    assert "score 0.016)" in shown("plain", make_hit(score=0.01639))


# vimgrep and files


def test_vimgrep_prints_the_focus_line_and_its_first_column() -> None:
    assert shown("vimgrep", make_hit()) == "src/net/retry.py:27:13:            pause *= 2\n"


def test_vimgrep_is_one_line_for_each_hit_whatever_the_code_holds() -> None:
    hits = [make_hit(), make_hit("", path="b.py"), make_hit(path="a\nb.py"), make_hit(focus_line=0)]
    lines = shown("vimgrep", *hits, make_hit()).splitlines()
    assert len(lines) == len(hits), "a place is named once"
    assert all(re.fullmatch(r"[^:]+:\d+:\d+:.+", line) for line in lines)


def test_files_are_listed_once_in_the_order_of_the_hits() -> None:
    hits = [make_hit(path=path) for path in ("b.py", "a.py", "b.py")]
    assert shown("files", *hits) == "b.py\na.py\n"


def test_piped_files_keep_their_bytes_but_a_line_is_always_one_path() -> None:
    raw = io.BytesIO()
    pipe = io.TextIOWrapper(raw, encoding="ascii")
    names = [os.fsdecode(b"caf\xc3\xa9.py"), os.fsdecode(b"\xff.py"), "two\nlines.py", "[red]\x1b.py"]
    show_answer(make_answer(*(make_hit(path=name) for name in names)), View("files"), pipe)
    pipe.flush()
    assert raw.getvalue() == b"caf\xc3\xa9.py\n\xff.py\ntwo\\nlines.py\n[red]\x1b.py\n"


def test_files_on_a_terminal_are_escaped() -> None:
    assert shown("files", make_hit(path="\x1b[2J.py"), out=Terminal()) == "\\x1b[2J.py\n"


@pytest.mark.parametrize("mode", ["human", "plain", "vimgrep", "files"])
def test_paths_open_from_the_folder_the_user_is_in(mode: Mode) -> None:
    view = View(relative_to=str(Path("/srv/project/src/web")))
    text = ANSI.sub("", shown(mode, make_hit(), view=view))
    assert text.startswith("../net/retry.py")


# json


def test_json_has_the_documented_keys_and_no_others() -> None:
    value = json.loads(shown("json", make_hit()))
    assert list(value) == ["version", "query", "index", "results"]
    assert value["index"] == {"root": "/srv/project", "units": 120, "vectors_ready": 100}
    assert value["results"] == [
        {
            "path": "src/net/retry.py",
            "start_line": 11,
            "end_line": 31,
            "name": "retry",
            "qualified_name": "retry",
            "kind": "function",
            "language": "python",
            "score": 0.831235,
            "signals": {"words": 0.31, "semantic": 0.521235},
            "snippet": RETRY.removesuffix("\n"),
            "more": [],
        }
    ]


def test_json_is_one_ascii_line_in_a_pipe_and_indented_on_a_terminal() -> None:
    hit = make_hit(path="\udcff\u2028é\x1b.py")
    piped = shown("json", hit)
    assert piped.isascii() and piped.count("\n") == 1 and "\x1b" not in piped
    assert json.loads(piped)["results"][0]["path"] == hit.path
    assert shown("json", hit, out=Terminal()).count("\n") > 10


def test_json_without_hits_is_an_object_with_an_empty_list() -> None:
    assert json.loads(shown("json"))["results"] == []


def test_json_paths_count_from_the_root_wherever_the_user_is() -> None:
    value = json.loads(shown("json", make_hit(), view=View(relative_to="/srv/project/src")))
    assert value["results"][0]["path"] == "src/net/retry.py"


def test_a_snippet_holds_the_best_part_and_is_bounded() -> None:
    code = "\n".join(f"line {number}" for number in range(11, 100_011))
    hit = make_hit(code, focus_line=50_000)
    snippet = answer_json(make_answer(hit))["results"][0]["snippet"]
    assert "line 50000" in snippet.split("\n") and snippet.count("\n") == 79
    window = dataclasses.replace(hit, best_lines=(49_999, 50_001))
    assert answer_json(make_answer(window))["results"][0]["snippet"] == "line 49999\nline 50000\nline 50001"
    assert answer_json(make_answer(hit), full=True)["results"][0]["snippet"] == code


# human


def test_a_terminal_gets_one_header_line_with_the_score_at_its_right_edge() -> None:
    header = on_screen(make_hit())[0]
    assert header.startswith("src/net/retry.py:11  retry  function, 21 lines")
    assert header.endswith("0.83") and len(header) == 80


def test_a_header_that_does_not_fit_takes_two_lines_and_cuts_nothing() -> None:
    hit = make_hit(path="src/" + "deep/" * 9 + "retry.py", qualified_name="Client.Session.retry_with_pauses")
    first, second = on_screen(hit)[:2]
    assert first.startswith(f"{hit.path}:11 ") and first.endswith("0.83") and len(first) == 80
    assert second.startswith(f"  {hit.qualified_name}  function")


def test_the_path_is_a_link_to_the_line() -> None:
    hit = make_hit(path="src/a b;\x1b[é.py")
    link = re.search(r"\x1b\]8;[^;]*;([^\x1b]*)\x1b\\", shown("human", hit))
    assert link is not None
    assert link.group(1) == "file:///srv/project/src/a%20b%3B%1B%5B%C3%A9.py#11"


def test_links_start_from_the_folder_given() -> None:
    out = Terminal()
    show_answer(make_answer(make_hit()), View("human"), out, "/mnt/here")
    assert "file:///mnt/here/src/net/retry.py#11" in out.getvalue()


def test_code_loses_its_common_indentation_and_keeps_its_numbers() -> None:
    hit = make_hit("\tdef retry(self):\n\t\treturn 1\n", focus_line=12)
    assert on_screen(hit)[1:] == ["    11  def retry(self):", "    12      return 1"]


@pytest.mark.parametrize("columns", [20, 80, 200])
def test_no_code_line_is_wider_than_the_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    rows = on_screen(make_hit("def retry(): return '" + "x" * 4000 + "'", focus_line=11))
    assert len(rows[-1]) == columns and rows[-1].endswith("…")


def test_wide_characters_count_twice_when_a_line_is_cut() -> None:
    row = on_screen(make_hit("名" * 300, language="text", focus_line=11))[-1]
    assert row.endswith("…") and 78 <= 8 + 2 * row.count("名") + 1 <= 80


def test_code_is_colored_as_part_of_its_unit_not_line_by_line() -> None:
    hit = make_hit(focus_line=17)
    text = shown("human", hit, view=View(context=0))
    assert re.search(r"\x1b\[32m *Waits longer after each failure\.", text)


def test_php_is_colored_without_its_opening_tag() -> None:
    hit = make_hit("function retry() { return null; }", language="php", focus_line=11)
    assert "\x1b[35mfunction\x1b[0m" in shown("human", hit)


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_language_shows_its_code_unchanged(language: str) -> None:
    code = "class A {\n  x = \"a\" // [bold]no markup[/bold] :smile:\n\n  def b(): 'c' # <?php ?> `d`\n}"
    rows = on_screen(make_hit(code, language=language, focus_line=12))[1:]
    assert [row[8:].rstrip() for row in rows] == code.split("\n")


def test_an_unknown_language_is_shown_without_colors() -> None:
    assert on_screen(make_hit(language="klingon", focus_line=0))[1].endswith("def retry(")


def test_no_color_keeps_the_layout_and_drops_the_colors(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = shown("human", make_hit(), view=View(color=False))
    monkeypatch.setenv("NO_COLOR", "1")
    wished = shown("human", make_hit())
    for text in (asked, wished):
        assert not re.search(r"\x1b\[[0-9;]*3\d", text)
        assert ANSI.sub("", text).splitlines() == on_screen(make_hit())


def test_a_huge_unit_shown_whole_takes_little_time() -> None:
    code = "def retry():\n" + "    call(1)\n" * 8_000
    start = time.perf_counter()
    assert len(on_screen(make_hit(code), view=View(full=True))) == 8_002
    assert time.perf_counter() - start < 5


# What a repository may hold


@pytest.mark.parametrize("mode", ["human", "plain", "vimgrep"])
def test_control_characters_are_shown_and_never_sent(mode: Mode) -> None:
    hit = make_hit(
        f"def retry():\n    return '{HOSTILE}'\n",
        path=f"a{HOSTILE}\n.py",
        qualified_name=HOSTILE + "retry",
        kind="fun\x1bction",
        signals={HOSTILE: 1.0},
        focus_line=12,
    )
    text = ANSI.sub("", shown(mode, hit, view=View(explain=True)))
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", text)
    assert "\\x1b]0;owned\\x07\\x9b31m\\u202e\\u2066\\u2028\\x7f" in text
    assert "\\n.py" in text


@pytest.mark.parametrize("mode", ["human", "plain", "vimgrep"])
def test_markup_is_shown_literally(mode: Mode) -> None:
    hit = make_hit("[red]x[/red]", path="[link=a]b", qualified_name="[bold]c", focus_line=11)
    text = ANSI.sub("", shown(mode, hit))
    assert "[red]x[/red]" in text and "[link=a]b" in text


def test_bytes_of_a_name_that_is_not_utf8_are_shown_as_bytes() -> None:
    assert shown("plain", make_hit(path="\udcff.py")).startswith("\\xff.py:11:")


@pytest.mark.parametrize("mode", ["human", "plain", "vimgrep", "json"])
def test_an_encoding_that_lacks_a_character_is_no_failure(mode: Mode) -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    show_answer(make_answer(make_hit("名 = 1\n" * 30, path="é.py", focus_line=25)), View(mode), out)
    out.flush()
    assert raw.getvalue().isascii() and b"\\u" in raw.getvalue()


def test_a_closed_pipe_is_the_callers_business() -> None:
    read, written = os.pipe()
    os.close(read)
    with pytest.raises(BrokenPipeError), os.fdopen(written, "w", buffering=1) as out:
        show_answer(make_answer(make_hit()), View("plain"), out)


# What else is printed


@pytest.mark.parametrize("mode", ["human", "plain"])
def test_people_are_told_on_stderr_when_nothing_is_found(mode: Mode) -> None:
    out, err = io.StringIO(), io.StringIO()
    show_answer(make_answer(query="a\x1b\n" + "b" * 100), View(mode), out, err=err)
    assert out.getvalue() == ""
    assert re.fullmatch(r"nothing found for a\\x1b b+…\n", err.getvalue())


@pytest.mark.parametrize("mode", ["vimgrep", "files"])
def test_programs_get_silence_when_nothing_is_found(mode: Mode) -> None:
    out, err = io.StringIO(), io.StringIO()
    show_answer(make_answer(), View(mode), out, err=err)
    assert out.getvalue() == err.getvalue() == ""


def test_missing_vectors_are_said_and_complete_ones_are_not() -> None:
    err = io.StringIO()
    show_coverage(make_answer(), err)
    assert "100 of 120 units" in err.getvalue()
    complete = io.StringIO()
    show_coverage(Answer("q", "/", 5, 5, ()), complete)
    assert complete.getvalue() == ""


def test_choices_stand_below_a_note_a_line_each() -> None:
    err = io.StringIO()
    show_note("no f in a.py (it has these)", err, ["a.py:1  g", "a.py:9  h\n\x1b"])
    assert err.getvalue() == "codesift: no f in a.py (it has these)\n  a.py:1  g\n  a.py:9  h\\n\\x1b\n"


def test_a_note_is_one_line() -> None:
    err = io.StringIO()
    show_note("building\nthe index \x1b", err)
    assert err.getvalue() == "codesift: building\\nthe index \\x1b\n"


def test_sizes_are_readable() -> None:
    assert [size(count) for count in (512, 1400, 12_345_678, 3_000_000_000)] == [
        "512 B",
        "1.4 kB",
        "12.3 MB",
        "3.0 GB",
    ]


def test_the_summary_names_every_figure() -> None:
    out, err = io.StringIO(), io.StringIO()
    report = Report("/srv/project", 1200, 23456, 56, 1300, 22000, 3, {"ignored": 12, "vendored": 300}, 754.3)
    report.vectors_ready = 23400
    show_report(report, out, err, quiet=False)
    assert err.getvalue() == ""
    assert out.getvalue() == (
        "Indexed /srv/project in 12 min 34 s\n"
        "  files    1,200, 56 parsed, 3 removed\n"
        "  units    23,456\n"
        "  vectors  23,400 of 23,456 units, 1,300 embedded, 22,000 reused\n"
        "  skipped  312: vendored 300, ignored 12\n"
    )


def test_a_quiet_summary_only_says_that_there_was_nothing() -> None:
    out, err = io.StringIO(), io.StringIO()
    show_report(Report("/srv/empty"), out, err, quiet=True)
    assert (out.getvalue(), err.getvalue()) == ("", "codesift: no file to index in /srv/empty\n")


STATUS = {
    "root": "/srv/p",
    "units_by_language": {"go": 2, "python": 1500},
    "size_bytes": 12_345_678,
    "fresh": True,
}


def test_status_is_readable_on_a_terminal() -> None:
    out = Terminal()
    show_status(STATUS, View("human"), out)
    assert out.getvalue() == (
        "root               /srv/p\n"
        "units by language  go 2, python 1,500\n"
        "size               12.3 MB\n"
        "fresh              yes\n"
    )


def test_status_is_tab_separated_in_a_pipe_and_whole_in_json() -> None:
    plain, machine = io.StringIO(), io.StringIO()
    show_status(STATUS, View("plain"), plain)
    show_status(STATUS, View("json"), machine)
    assert plain.getvalue().splitlines()[1] == "units_by_language\tgo=2,python=1500"
    assert json.loads(machine.getvalue()) == {"version": 1, **STATUS}


MODELS = [
    {
        "name": "all-MiniLM-L6-v2",
        "dimensions": 384,
        "language": None,
        "path": "/usr/share/models/all-MiniLM-L6-v2",
    },
    {"name": "small", "dimensions": 64, "language": "python", "path": "/home/me/small"},
]


def test_models_are_a_table_where_it_fits_and_blocks_where_it_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wide, narrow = Terminal(), Terminal()
    show_models(MODELS, View("human"), wide)
    monkeypatch.setenv("COLUMNS", "40")
    show_models(MODELS, View("human"), narrow)
    assert wide.getvalue().splitlines()[2] == "small             64          python    /home/me/small"
    assert narrow.getvalue().split("\n\n")[1].splitlines()[0] == "name        small"


def test_models_are_tab_separated_in_a_pipe_and_listed_in_json() -> None:
    plain, machine, none = io.StringIO(), io.StringIO(), io.StringIO()
    show_models(MODELS, View("plain"), plain)
    show_models(MODELS, View("json"), machine)
    show_models([], View("human"), none)
    assert plain.getvalue().splitlines()[::2] == [
        "name\tdimensions\tlanguage\tpath",
        "small\t64\tpython\t/home/me/small",
    ]
    assert json.loads(machine.getvalue()) == {"version": 1, "models": MODELS}


def test_the_mode_asked_for_wins_over_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_mode("json", Terminal()) == "json"
    assert choose_mode(None, Terminal()) == "human"
    assert choose_mode(None, io.StringIO()) == "plain"
    monkeypatch.setenv("TERM", "dumb")
    assert choose_mode(None, Terminal()) == "plain"


# Progress


def run_progress(err: io.StringIO, quiet: bool = False, after: float = 0.0) -> str:
    with progress(quiet, err, after) as report:
        for done in range(0, 101, 10):
            report("walk", done, 0)
        for done in range(0, 1001, 100):
            report("embed", done, 1000)
    return err.getvalue()


def test_a_terminal_sees_the_stages_and_is_left_clean() -> None:
    text = run_progress(Terminal())
    assert "Finding files" in text or "Embedding" in text
    assert "1,000/1,000" in text
    assert text.rstrip("\r\n").endswith("\x1b[1A\x1b[2K") and "\x1b[?25h" in text


def test_short_work_pipes_and_quiet_see_nothing() -> None:
    assert run_progress(Terminal(), after=60) == ""
    assert run_progress(Terminal(), quiet=True) == ""
    assert run_progress(io.StringIO()) == ""


def test_the_cursor_comes_back_when_work_is_interrupted() -> None:
    err = Terminal()
    with pytest.raises(KeyboardInterrupt), progress(False, err, 0.0) as report:
        report("embed", 1, 10)
        raise KeyboardInterrupt
    assert err.getvalue().rfind("\x1b[?25h") > err.getvalue().rfind("\x1b[?25l")


# What is loaded

PROBE = """
import io, sys
from codesift.terminal import render
from codesift.types import Answer, Hit

class Terminal(io.StringIO):
    def isatty(self):
        return True

code = "def f():\\n    pass\\n"
hit = Hit(1, "a.py", "python", "function", "f", "f", 1, 2, 1.0, {"words": 1.0}, (1, 2), 2, code)
answer = Answer("q", "/srv", 1, 1, (hit,))
for mode in sys.argv[1:]:
    render.show_answer(answer, render.View(mode), Terminal())
with render.progress(False, Terminal()) as report:
    report("walk", 1, 1)
print(*sorted(name for name in sys.modules if name.split(".")[0] in ("rich", "pygments", "numpy")))
"""


def loaded_by(*modes: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *modes],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    return done.stdout.split()


def test_modes_for_programs_load_neither_rich_nor_pygments() -> None:
    assert loaded_by("plain", "json", "vimgrep", "files") == []


def test_a_terminal_loads_only_the_lexers_it_needs() -> None:
    lexers = [name for name in loaded_by("human") if name.startswith("pygments.lexers.")]
    assert "pygments.lexers.python" in lexers
    assert "pygments.lexers.jvm" not in lexers


def test_the_table_of_models_goes_without_its_last_columns_where_it_is_narrow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    figures = {"metric": "MRR", "base": 0.61, "adapter": 0.69}
    row = {"name": "tiny/go", "figures": figures, "dimensions": 384, "license": "MIT", "files": "/a" * 30}
    shown = {}
    for columns in (110, 50, 20):
        monkeypatch.setenv("COLUMNS", str(columns))
        out = Terminal()
        show_models([row], View("human"), out)
        shown[columns] = out.getvalue().splitlines()
    assert shown[110][1].endswith("/a" * 30)
    assert shown[50] == [
        "name     figures           dimensions  license",
        "tiny/go  MRR 0.61 -> 0.69  384         MIT",
    ]
    assert shown[20][1] == "figures     MRR 0.61 -> 0.69" and shown[20][-1].endswith("/a" * 30)


@pytest.mark.parametrize(
    ("mode", "told"), [("human", True), ("plain", True), ("vimgrep", False), ("json", False)]
)
def test_what_does_not_match_well_is_told_where_people_read(mode: Mode, told: bool) -> None:
    out, err = Terminal(), io.StringIO()
    answer = dataclasses.replace(
        make_answer(make_hit(), query="a\x1b b"), judgement=Judgement(0.2, 0.3, False)
    )
    show_answer(answer, View(mode), out, err=err)
    assert err.getvalue() == ("nothing matches a\\x1b b well; these are the closest\n" if told else "")
    assert "retry" in out.getvalue()


def test_the_closest_is_shown_without_colors() -> None:
    screens = []
    for matches in (True, False):
        out = Terminal()
        answer = dataclasses.replace(make_answer(make_hit()), judgement=Judgement(0.2, 0.3, matches))
        show_answer(answer, View("human"), out, err=io.StringIO())
        screens.append(out.getvalue())
    colors = [re.findall(r"\x1b\[[0-9;]*m", screen) for screen in screens]
    assert set(colors[1]) == {"\x1b[2m", "\x1b[0m"} < set(colors[0])
    assert ANSI.sub("", screens[0]) == ANSI.sub("", screens[1])
