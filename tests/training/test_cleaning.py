"""What is left of documentation, comments and messages once they are cleaned."""

from __future__ import annotations

import pytest

from training.mining.cleaning import documentation_summary, judged, plain, shorten
from training.mining.english import is_english
from training.mining.spans import comment_text, message_text


@pytest.mark.parametrize(
    ("written", "cleaned"),
    [
        (
            "Sums <b>all</b> the {@link Foo#bar bars} in it.\n@param x the x\n@return a sum",
            "Sums all the bars in it.",
        ),
        ("@brief Opens the \\c socket for reading.\n\\param fd descriptor", "Opens the socket for reading."),
        (
            "Build a :class:`~pkg.mod.Reader` from ``path``.\n\n:param path: where",
            "Build a pkg.mod.Reader from path.",
        ),
        (
            "Returns the [name](https://x.y/z) of the user, see https://a.b.\n",
            "Returns the name of the user, see",
        ),
        ('Gets the <see cref="T:Shop.Cart"/> of a <paramref name="user"/>.', "Gets the Shop.Cart of a user."),
        ("Find the first match.\n\nArgs:\n    x: y", "Find the first match."),
        ("Description:\nFind the first match.\n", "Find the first match."),
        (
            "gtk_label_set:\n@label: a label\n@str: a text\n\nSets the text of the label.",
            "Sets the text of the label.",
        ),
        ("Reverse returns its argument\nleft to right.", "Reverse returns its argument left to right."),
        ("Loads the list.\n- one\n- two", "Loads the list."),
        ("Parses the query &amp; all the friends of it.", "Parses the query & all the friends of it."),
        (
            "@param {string} a\n@return {boolean} True if the file is there.",
            "Returns True if the file is there.",
        ),
        ("Reads it all.\n\n# Examples\n\n```\nread()\n```", "Reads it all."),
        ("TODO: be quicker.\nReads it all at once.", "Reads it all at once."),
    ],
)
def test_markup_becomes_the_first_paragraphs_words(written: str, cleaned: str) -> None:
    assert documentation_summary(written).text == cleaned


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("", "none"),
        ("@param x the value of it", "only tags"),
        ("Constructor.", "too short"),
        ("{@inheritDoc}", "generated"),
        ("Auto-generated method stub for this", "generated"),
        ("See Foo#bar for details", "reference"),
        ("Copyright 2020 by the authors of this", "licence"),
        ("Liest die Datei und gibt den Inhalt als Text zurück, wenn sie nicht leer ist", "not English"),
        ("Возвращает список всех открытых файлов", "not English"),
        ("x = a[i] + b[j] * c[k] / (d | e)", "no prose"),
    ],
)
def test_a_documentation_of_no_use_is_dropped_for_a_reason(written: str, reason: str) -> None:
    assert documentation_summary(written) == ("", reason, False)


def test_the_functions_own_name_in_front_is_dropped() -> None:
    assert (
        documentation_summary("read_all() - reads all of the file", "read_all").text
        == "reads all of the file"
    )
    assert (
        documentation_summary("ReadAll reads all of the file.", "ReadAll").text
        == "ReadAll reads all of the file."
    )


def test_a_repeated_signature_is_no_paragraph() -> None:
    assert (
        documentation_summary("read(path, size) -> bytes\n\nReads all of the file.").text
        == "Reads all of the file."
    )


def test_long_texts_end_at_a_sentence() -> None:
    text = "One two three four. " + "Five six seven eight nine ten eleven twelve."
    assert shorten(text, 6) == "One two three four."
    assert shorten("a b c d e f g", 6) == ""
    assert (
        judged("Take all of them, e.g. The last one of the very many words here.", 3, 9).reason == "too long"
    )


@pytest.mark.parametrize(
    "text", ["Parse JSON lines", "Returns whether it is open", "Update status en route", "Crée"]
)
def test_short_english_is_told_from_other_languages(text: str) -> None:
    assert is_english(text.split()) == (text != "Crée")


@pytest.mark.parametrize(
    ("comment", "text"),
    [
        ("// Skip the header, which\n// holds no rows", "Skip the header, which holds no rows"),
        ("/* take the `lock` first */", "take the lock first"),
        ("# x = compute(y)", ""),
        ("// return foo(bar);", ""),
        ("// eslint-disable-next-line no-console at all", ""),
        ("# type: ignore[attr-defined] because of this", ""),
        ("// fallthrough to the next case", ""),
        ("# two words", ""),
        ("// TODO: do this some other way", ""),
    ],
)
def test_comments_are_prose_or_nothing(comment: str, text: str) -> None:
    assert comment_text(comment) == text


@pytest.mark.parametrize(
    ("literal", "text"),
    [
        ('"cannot open %s for reading', "cannot open for reading"),
        ("'cannot open ${path} for reading: ", "cannot open for reading"),
        ('"cannot open " + path + " for reading', "cannot open for reading"),
        ("\"could not find key '{}' in it", "could not find key in it"),
        ('"some.module.name other', ""),
        ('"%d/%d: %s', ""),
    ],
)
def test_messages_lose_their_placeholders(literal: str, text: str) -> None:
    assert message_text(literal) == text


def test_markup_is_replaced_without_touching_dotted_names() -> None:
    assert plain("call  `a.b` or .c() , then  stop") == "call a.b or .c(), then stop"
