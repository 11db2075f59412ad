"""Arguments, settings, queries and streams that cannot be used as given."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from indexes import lend
from repositories import PROGRAM, SHOP, SHOP_UNITS, Done, clean_shop, failed, units, worked, write

Run = Callable[..., Done[str]]


@pytest.fixture(scope="module")
def indexed_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clean_shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture
def shop(indexed_shop: Path) -> Path:
    """An indexed repository that the tests of this module only ask."""
    return lend(indexed_shop)


def paths(done: Done[str]) -> list[str]:
    return [result["path"] for result in json.loads(done.stdout)["results"]]


# -- folders --------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["index", "query", "status"])
@pytest.mark.parametrize("place", ["nowhere", "shop/cart.py", "shop/cart.py/inside"])
def test_what_is_no_folder_is_refused(codesift: Run, shop: Path, verb: str, place: str) -> None:
    where = [shop / place] if verb == "index" else ["--root", shop / place]
    failed(codesift(verb, *(["price"] if verb == "query" else []), *where), place.rpartition("/")[2])


def test_a_folder_without_a_repository_is_indexed_and_searched(codesift: Run, tmp_path: Path) -> None:
    write(tmp_path)
    assert units(codesift("index", tmp_path)) == SHOP_UNITS
    done = codesift("query", "wait longer after each failure", "--json", cwd=tmp_path)
    assert paths(done)[0] == "web/retry.go"


def test_an_empty_folder_is_no_failure(codesift: Run, tmp_path: Path) -> None:
    done = codesift("index", tmp_path)
    assert done.returncode == 0
    assert "no file to index" in done.stderr
    done = codesift("query", "anything", "--root", tmp_path)
    assert done.returncode == 1
    assert "nothing found" in done.stderr


# -- arguments and settings -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["query", ""], "empty"),
        (["query", " \n\t "], "empty"),
        (["query", "price", "--lang", "pyhton"], "python"),
        (["query", "price", "--kind", "verb"], "verb"),
        (["query", "price", "-k", "0"], "1"),
        (["query", "price", "-k", "many"], "many"),
        (["query", "price", "--fast"], "--fast"),
        (["query"], "text"),
        (["query", "price", "--json", "--vimgrep"], "only one"),
        (["query", "price", "--lexical", "--semantic"], "only one"),
        (["query", "price", "--model", "no-such-model"], "no-such-model"),
        (["index", "--model", "/no/such/model"], "/no/such/model"),
        (["index", "--threads", "-1"], "--threads"),
        (["index", "--device", "gpu"], "cuda:N"),
        (["query", "price", "--device", "cuda:x"], "cuda:N"),
        (["similar", "shop/cart.py:add", "--device", "cuda1"], "cuda:N"),
        (["serach", "price"], "serach"),
        (["similar", "shop/cart.py"], "FILE:NAME"),
        (["similar", "shop/basket.py:add"], "shop/basket.py"),
        (["similar", "shop:add"], "shop"),
        (["similar", "shop/cart.py:"], "FILE:NAME"),
        (["similar", ":add"], "FILE:NAME"),
        (["similar", "-"], "--code"),
        (["similar", "-", "--code", "pyhton"], "python"),
    ],
)
def test_arguments_that_cannot_be_used(codesift: Run, shop: Path, arguments: list[str], said: str) -> None:
    failed(codesift(*arguments, cwd=shop, input=""), said)


@pytest.mark.parametrize("name", ["remove", "999", "0", "Cart.remove", "\x1b[31m", "*"])
def test_a_missing_function_lists_what_is_there(codesift: Run, shop: Path, name: str) -> None:
    done = codesift("similar", f"shop/cart.py:{name}", cwd=shop)
    assert done.returncode == 2
    assert "Cart.add" in done.stderr
    assert "Traceback" not in done.stderr and "\x1b" not in done.stderr and done.stdout == ""


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (".codesift.toml", "modle = 'x'\n", "model"),
        (".codesift.toml", "results = 'ten'\n", "results"),
        (".codesift.toml", "results = [\n", "TOML"),
        (".codesift.toml", b"\xff\xfe", ".codesift.toml"),
        (".codesift.toml", "cache_dir = '/tmp/elsewhere'\n", "CODESIFT_CACHE_DIR"),
        ("pyproject.toml", "[tool.codesift]\nresutls = 3\n", "results"),
        ("pyproject.toml", "[tool]\ncodesift = 3\n", "tool.codesift"),
    ],
)
def test_settings_that_cannot_be_used(
    codesift: Run, tmp_path: Path, name: str, content: str | bytes, said: str
) -> None:
    write(tmp_path, {**SHOP, name: content})
    failed(codesift("index", tmp_path), said)
    assert not (tmp_path / ".codesift").exists()


def test_an_unknown_variable_is_refused(codesift: Run, shop: Path) -> None:
    environment = {**os.environ, "CODESIFT_THREDS": "2"}
    failed(codesift("query", "price", cwd=shop, env=environment), "CODESIFT_THREADS")


# -- queries --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        '"foo OR NEAR(', "*", "name:price", "price*", "-price", '"', "'; DROP TABLE units; --", "a AND NOT",
        "the of and is", "?!...", "\N{ROCKET}\N{FIRE}", "\N{CJK UNIFIED IDEOGRAPH-4F60}", "[red]price[/red]",
        "\x1b[31mprice", "%s %d {0}", "price\nof\rall\tlines", "\\", "x" * 5000, "ö" * 40, "price\udcff",
    ],
)  # fmt: skip
@pytest.mark.slow
def test_any_text_may_be_asked(codesift: Run, shop: Path, text: str) -> None:
    done = codesift("query", "--", text, cwd=shop)
    assert done.returncode in (0, 1), done
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stdout + done.stderr


@pytest.mark.parametrize(("mode", "size"), [("--lexical", 1_000_000), ("--semantic", 50_000)])
@pytest.mark.slow
def test_a_very_long_query_is_answered(codesift: Run, shop: Path, mode: str, size: int) -> None:
    sentence = "where are the prices of all lines of the cart added up? "
    done = codesift("query", "-", mode, "--files", cwd=shop, input=sentence * (size // len(sentence)))
    assert worked(done).splitlines()[0] == "shop/cart.py"


def test_a_query_that_is_not_utf8_is_answered(shop: Path) -> None:
    asked = subprocess.run(
        [PROGRAM, "query", "-"], input=b"prices \xff\x00 sum", cwd=shop, capture_output=True
    )
    assert asked.returncode == 0
    asked = subprocess.run([PROGRAM, "query", b"prices \xff sum"], cwd=shop, capture_output=True)
    assert asked.returncode == 0, asked


# -- streams and environment ----------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["--json", "--plain", "--vimgrep", "--files"])
def test_a_reader_that_leaves_early_is_no_failure(shop: Path, mode: str) -> None:
    command = f'"{PROGRAM}" query price -k 100 {mode} --full; echo "$?" >&2'
    done = subprocess.run(["sh", "-c", f"({command}) | true"], cwd=shop, capture_output=True, text=True)
    assert done.stderr == "0\n"


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_failure(shop: Path, closed: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'"{PROGRAM}" query price {closed}'], cwd=shop, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_full_output_is_said_in_one_line(shop: Path) -> None:
    device = Path("/dev/full")
    if not device.exists():
        pytest.skip("needs /dev/full")
    with device.open("w") as full:
        done = subprocess.run(
            [PROGRAM, "query", "price"], stdout=full, stderr=subprocess.PIPE, text=True, cwd=shop
        )
    failed(Done(done.args, done.returncode, "", done.stderr), "output")


HOSTILE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.parametrize("locale", [{"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"}, HOSTILE])
@pytest.mark.slow
def test_a_locale_without_unicode_is_enough(codesift: Run, tmp_path: Path, locale: dict[str, str]) -> None:
    greeting = 'def grüße():\n    """Grüße → 世界."""\n    return "Grüße"\n'
    write(tmp_path, {"grüße/grüße.py": greeting, "hello.py": greeting})
    environment = {**os.environ, **locale}
    found = codesift("query", "greeting", cwd=tmp_path, env=environment)
    assert "hello.py" in worked(found)
    # In the last one Python itself does not know what the user typed.
    asked = codesift("query", "Grüße", "--json", cwd=tmp_path, env=environment)
    assert asked.returncode == 0 or locale is HOSTILE
    assert "Traceback" not in asked.stderr and asked.returncode in (0, 1)
    worked(codesift("status", cwd=tmp_path, env=environment))


def test_no_home_is_needed(codesift: Run, shop: Path, own_home: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if name != "HOME"}
    # Without HOME the system's list of users names one, which is no test's.
    kept |= {"XDG_DATA_HOME": str(own_home / "data"), "XDG_CONFIG_HOME": str(own_home / "config")}
    assert "shop/cart.py" in worked(codesift("query", "price", cwd=shop, env=kept))
