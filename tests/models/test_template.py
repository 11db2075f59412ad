"""What is encoded for a unit: all of its text, its name in front, independent of where the file lies."""

from __future__ import annotations

from fakes import HashingEncoder, unit

from codesift.models.template import unit_text, windows_of
from codesift.parsing.units import parse
from codesift.types import Encoder

MOORING = '''import math


@cached
def mooring_fee(tonnage):
    """What a ship pays."""
    return math.ceil(tonnage)
'''


def test_a_window_names_the_unit_and_holds_its_documentation_and_code() -> None:
    fee = parse(MOORING, "python", "fees.py")[1]
    (window,) = windows_of(HashingEncoder(), "quay/harbour_fees.py", fee)
    for part in ("fees", "mooring_fee", "What a ship pays.", "return math.ceil(tonnage)"):
        assert part in window.text


def test_the_lines_of_a_window_are_those_of_the_file() -> None:
    fee = parse(MOORING, "python", "fees.py")[1]
    (window,) = windows_of(HashingEncoder(), "fees.py", fee)
    assert (window.start_line, window.end_line) == (fee.start_line, fee.end_line) == (4, 7)


def test_a_moved_file_keeps_its_texts_and_a_renamed_unit_does_not() -> None:
    here = unit_text("old/place/fees.py", unit("fee", code="def fee(): ..."))
    assert unit_text("new/fees.py", unit("fee", code="def fee(): ...")) == here
    assert unit_text("old/place/fees.py", unit("toll", code="def fee(): ...")) != here


def test_where_a_unit_stands_in_its_file_does_not_change_its_text() -> None:
    assert unit_text("a.py", unit("f", 1, 3, code="x")) == unit_text("a.py", unit("f", 91, 93, code="x"))


def test_a_long_unit_becomes_windows_that_each_name_it_and_together_cover_it() -> None:
    code = "def long():\n" + "".join(f"    step_{number}()\n" for number in range(60))
    (long,) = parse(code, "python", "work.py")
    windows = windows_of(HashingEncoder(lines=10), "work.py", long)
    assert len(windows) > 3
    assert all("long" in window.text.split("\n")[0] for window in windows)
    covered = {n for window in windows for n in range(window.start_line, window.end_line + 1)}
    assert covered == set(range(long.start_line, long.end_line + 1))
    texts = "\n".join(window.text for window in windows)
    assert all(f"step_{number}()" in texts for number in range(60))


def test_no_window_leaves_the_unit_though_fields_from_further_down_are_part_of_it() -> None:
    text = "class A:\n    def f(self):\n        return 1\n\n" + "".join(
        f"    x{n} = {n}\n" for n in range(40)
    )
    head = parse(text, "python", "a.py")[0]
    encoder: Encoder = HashingEncoder(lines=6)
    for window in windows_of(encoder, "a.py", head):
        assert head.start_line <= window.start_line <= window.end_line <= head.end_line


def test_a_unit_without_text_has_one_window() -> None:
    (window,) = windows_of(HashingEncoder(), "", unit("", 1, 1))
    assert (window.start_line, window.end_line) == (1, 1)
