"""Documentation and comments as they are written -> the plain sentence in them that says what code does."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from itertools import takewhile
from typing import NamedTuple

from training.mining.english import is_english

SHORTEST, LONGEST = 3, 60
"""Words of a documentation's text."""
LONGEST_SPAN = 40
"""Words of a comment or a message."""


class Text(NamedTuple):
    """What cleaning made of a text."""

    text: str
    """Empty where the text is of no use."""
    reason: str
    """Why it is of no use; empty if it is."""
    cut: bool = False
    """Whether it was longer than allowed, and ends after an earlier sentence."""


_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
_SMALL_TAGS = (
    "brief short details desc description summary abstract private protected public static api async "
    "override internal hidden export"
).replace(" ", "|")
_DROPPED_TAGS = "ingroup fn memberof class method function name overload this deprecated inheritdoc".replace(
    " ", "|"
)
_TAG_LINE = re.compile(
    rf"^[ \t]*(?:[@\\](?!\w+ ?:|(?:{_SMALL_TAGS}|{_DROPPED_TAGS}|link|code|ref|[cpae])\b)[a-zA-Z]+"
    r"|:(?:param|type|return|returns|rtype|raises?|yields?|arg|keyword|key|var|ivar|cvar|meta|seealso)\b"
    r"|\.\. \w[\w-]*::|>>> |</?(?:param|typeparam|exception|returns|example|seealso|remarks)\b"
    r"|#{1,4} |={2,6} \w|(?:call-seq|calls?):|```|~~~|\{@see\b|\[[*+]?\w+[*+]?\] ?[A-Z:-])",
)
_SECTION = re.compile(
    r"^[ \t]*[*_=]*(?:param(?:eter)?s?|args?|arguments|returns?|return values?|raises|throws|yields?"
    r"|examples?|usage|notes?|references|see also|inputs?|outputs?|options|keyword arg(?:ument)?s|kwargs"
    r"|attributes|errors?|panics|safety|warnings?|requires|side effects|pre-?conditions?"
    r"|post-?conditions?|example usage|exceptions|where|results?|callback|algorithm|complexity|availability"
    r"|version(?: added)?|since)"
    r"[*_=]*[ \t]*(?::|$)",
    re.IGNORECASE,
)
_HEADING = re.compile(
    r"^[ \t]*[*_=]*(?:description|summary|overview|synopsis|purpose|function|name|desc)[*_=]*[ \t]*(?::|$)",
    re.IGNORECASE,
)
_SMALL_TAG = re.compile(rf"^[ \t]*[@\\](?:{_SMALL_TAGS})\b[ \t]*(?:(?:public|private|protected)[ \t]*$)?")
_TYPE = re.compile(
    r"\A\??(?:[\w\\]+(?:\[\]|<[^<>]*>)|[\w\\]*[|\\][\w\\|<>\[\]]*|string|int|integer|bool|boolean|array|mixed"
    r"|void|self|static|float|object|null|callable|resource)\s+(?=\S)",
    re.IGNORECASE,
)
"""What PHP writes between `@return` and the description."""
_ARTICLE = re.compile(r"\A(?:The|An?|All|Whether|This|List|Number)\b")
_RETURNED = re.compile(
    r"^[ \t]*[:@\\]returns?\b:?[ \t]*(?:\{[^{}\n]*\}+|\[[^\[\]\n]*\])?[ \t-]*"
    r"(.+?)(?=^[ \t]*[:@\\]\w|^[ \t]*$|\Z)",
    re.MULTILINE | re.DOTALL | re.IGNORECASE,
)
_DROPPED_LINE = re.compile(
    rf"^[ \t]*(?:[@\\](?:{_DROPPED_TAGS})\b"
    r"|:nodoc:|:\w+:$|//|(?:TODO|FIXME|XXX|HACK)\b|[-=*#/~+_. ]+$"
    r"|-\*-|(?:eslint|jshint|jslint|istanbul|c8|v8|prettier|noqa|pylint|rubocop|phpcs|nolint|lint)\b)"
)
_PARAMETER = re.compile(r"^[ \t]*@(?:\w+|\.\.\.) ?:")
_LIST_ITEM = re.compile(r"^[ \t]*(?:[-*+\u2022][ \t]|\(?\d{1,2}[.)][ \t])")
_SIGNATURE = re.compile(
    r"^\W?(?:[\w.:<>~*&\[\],]+ ){0,2}[\w.:<>~*&\[\],]*\w\([^()]*\)\s*(?:(?:->|=>|:).*)?;?$"
)

_MARKUP: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL), replacement)
    for pattern, replacement in (
        (r"```.*?(?:```|$)|~~~.*?(?:~~~|$)|<pre\b.*?(?:</pre>|$)|<code>\s*<pre.*?(?:</code>|$)", " "),
        (r"\{@(?:link|linkplain)\s+[^\s{}]+\s+([^{}]+)\}", r"\1"),
        (r"\{@(?:link|linkplain|code|literal|value|see)\s+([^{}]*)\}", r"\1"),
        (r"\[\[([^\[\]|]*)(?:\|[^\[\]]*)?\]\]", r"\1"),
        (r"!?\[([^\[\]]+)\]\((?:[^()\s]|\([^()]*\))*(?:\s\"[^\"]*\")?\)", r"\1"),
        (r"\[`?([\w:.()!<>#]+)`?\](?:\[[^\[\]]*\])?", r"\1"),
        (
            r"<(?:see|seealso|paramref|typeparamref|see-also)\s[^<>]*?=\s*[\"'](?:[A-Z]:)?([^\"'<>]*)[\"'][^<>]*/?>",
            r"\1",
        ),
        (r"`([^`<>]+?)\s*<[^<>`]+>`_{1,2}", r"\1"),
        (r":(?:\w+:){0,2}\w+:`[~!]?(?:[^`<>]*<)?([^`<>]+)>?`", r"\1"),
        (r"\b(?:https?|ftp)://\S+|\bwww\.\S+", " "),
        (r"<!--.*?-->", " "),
        (r"</?[a-zA-Z][a-zA-Z0-9]*(?:\s[^<>]*)?/?>", " "),
        (
            r"[@\\](?:brief|short|details|li|c|p|a|e|em|b|ref|link|endlink|code|endcode|n|ingroup\s+\S+)(?![\w])",
            " ",
        ),
        (r"(?<![\w`])[`+*_]{1,3}(?=[\w\"'/.<(&-])([^`+*\n]{1,80}?)[`+*_]{1,3}(?![\w`])", r"\1"),
        (r"(?<![\w.@])@(?=[A-Za-z]\w)", ""),
        (r"`+", ""),
        (r"[#%](?=[a-zA-Z]\w+\.?\b)", ""),
        (r"\{([A-Z][\w:#.]*)\}", r"\1"),
        (r"\bTODO\b.*?(?:\.\s|$)|\bFIXME\b.*?(?:\.\s|$)", " "),
        (r"\((?:non-Javadoc|see:?[^()]*)\)", " "),
        (r"[=*#~_/+-]{3,}", " "),
        (r"\(\s*\)(?<!\w\(\))", " "),
    )
)
_MARKED = re.compile(r"[`<\[{(@\\*_+#%=~|/]|www\.|TODO|FIXME|---")
"""Most texts have no mark that one of `_MARKUP` begins with, and are spared its search."""
_LEAD = re.compile(r"^(?:[-*:|>#!/\\.,;\s]+|\(\s+|\(?\d{1,2}[.)]\s+|(?:NOTE|N\.B\.|NB|Note)\s*[:!-]\s*)+")
_GENERATED = re.compile(
    r"auto-?\s?generated|generated (?:by|from|method|code|source)|@generated|\{?@inherit-?doc"
    r"|inherit(?:ed)? doc|do not edit|non-javadoc|auto-?created",
    re.IGNORECASE,
)
_REFERENCE = re.compile(
    r"(?:see|see also|same as|like|ditto|alias (?:for|of|to)|overrides?|implements?|inherited from"
    r"|refer to|delegates? to|wrapper (?:for|of|around)|shortcut (?:for|to)|implementation (?:of|for)"
    r"|documented (?:in|at)|override (?:of|for))\s*:?\s+(?:the\s+)?\S+(?:\s+(?:class|method|function"
    r"|interface|instead|above|below|for (?:more )?(?:details|information|documentation|docs)"
    r"|documentation))*[.!]?",
    re.IGNORECASE,
)
_LICENCE = re.compile(
    r"copyright|licen[sc]ed? (?:under|as|to)|spdx|all rights reserved|permission is hereby"
    r"|redistribution and use|^\(c\)|gnu (?:lesser |affero )?general public",
    re.IGNORECASE,
)
_EMPTY_TALK = re.compile(
    r"(?:default |copy |move |the |a |class |empty |private |public )*(?:constructor|destructor|getter|setter"
    r"|todo|not (?:implemented|documented|used)(?: yet)?|no-?op|do nothing|does nothing|deprecated|unused"
    r"|internal|private)(?: method| function| use only)?[.!]?",
    re.IGNORECASE,
)
_TITLE = re.compile(r"(?:\w+(?:\.|::|#))?(\w+)(?:\(\S*\))?\s*(?:--?|:|\u2013|\u2014)\s*")
_LETTERS, _SIGNS = re.compile(r"[^\W\d_]+|\s+"), re.compile(r"[^{}=;<>|&^~$\\@\[\]_*%+]+")
_SENTENCE_END = re.compile(r"(?<=[.!?])[)\"']?\s+(?=[A-Z\"'(])")
_ABBREVIATED = re.compile(r"\b(?:e\.g|i\.e|etc|vs|cf|approx|resp|incl|[A-Z])\.$")


def documentation_summary(documentation: str, name: str = "") -> Text:
    """The first paragraph of a documentation that says something, in plain words on one line.

    Args:
        documentation: its comment marks removed, as `codesift.parsing.units` does.
        name: what it documents; `name() - does this` loses its beginning.
    """
    reason = "none" if not documentation.strip() else "only tags"
    if _LICENCE.search(documentation[:400]):
        return Text("", "licence")
    if _GENERATED.search(documentation[:200]) and len(documentation) < 400:
        return Text("", "generated")
    for paragraph in _paragraphs(documentation):
        found = judged(_without_name(plain(paragraph), name), SHORTEST, LONGEST)
        if found.text:
            return found
        # `Description` or a repeated signature may stand before the paragraph that tells more.
        reason = found.reason
        if reason not in ("too short", "no prose"):
            return found
    found = _returned(documentation)
    return found if found.text else Text("", reason)


def _returned(documentation: str) -> Text:
    """What a function returns, as a sentence: all that is said of many a small one."""
    match = _RETURNED.search(documentation)
    if match is None:
        return Text("", "only tags")
    text = _ARTICLE.sub(lambda article: article[0].lower(), plain(_TYPE.sub("", match[1])))
    return judged(f"Returns {text}", SHORTEST + 1, LONGEST)


def judged(text: str, shortest: int, longest: int) -> Text:
    """A text that was made plain, if it is English prose of at least `shortest` words; cut to `longest`."""
    if _length(text) < shortest:
        return Text("", "too short")
    if reason := _useless(text):
        return Text("", reason)
    if not is_english(_WORD.findall(text)):
        return Text("", "not English")
    shortened = shorten(text, longest)
    if _length(shortened) < shortest:
        return Text("", "too long")
    return Text(shortened, "", shortened != text)


def _length(text: str) -> int:
    """Words in the sense of a reader: `a.b.c` is one, `5` is none."""
    return sum(_WORD.search(part) is not None for part in text.split())


def before_tags(text: str) -> str:
    """A comment without what follows its first tag (`@param`, `\\return`, an example)."""
    return "\n".join(takewhile(lambda line: not _TAG_LINE.match(line), text.splitlines()))


def _useless(text: str) -> str:
    if _GENERATED.search(text):
        return "generated"
    if _LICENCE.search(text):
        return "licence"
    if _REFERENCE.fullmatch(text):
        return "reference"
    if _EMPTY_TALK.fullmatch(text):
        return "says nothing"
    return "" if reads_as_prose(text) else "no prose"


def reads_as_prose(text: str) -> bool:
    """Whether four in five characters of a text are letters or blanks, and few others signs of code."""
    others, signs = len(_LETTERS.sub("", text)), len(_SIGNS.sub("", text))
    return others <= 0.22 * len(text) and signs <= 0.07 * len(text)


def plain(text: str) -> str:
    """HTML, javadoc, doxygen, rst, Markdown, YARD and C#'s XML -> words; all white space single blanks."""
    if _MARKED.search(text):
        for pattern, replacement in _MARKUP:
            text = pattern.sub(replacement, text)
    if "&" in text:
        text = html.unescape(text)
    text = _LEAD.sub("", " ".join(text.split()))
    return re.sub(r"\s+(?=[.,;:!?)]+(?:\s|$))", "", text).strip().removesuffix("::").rstrip(" :-")


def _without_name(text: str, name: str) -> str:
    match = _TITLE.match(text)
    return text[match.end() :] if match and match[1] == name.lstrip("$&@*~#") else text


def shorten(text: str, longest: int) -> str:
    """A text cut at the last end of a sentence within `longest` words; empty if there is none."""
    if _length(text) <= longest:
        return text
    ends = [match.start() for match in _SENTENCE_END.finditer(text)]
    fitting = [
        text[:end] for end in ends if not _ABBREVIATED.search(text[:end]) and _length(text[:end]) <= longest
    ]
    return fitting[-1] if fitting else ""


def _paragraphs(documentation: str) -> Iterator[str]:
    """Its paragraphs up to the first tag or section, lists and odd lines left out."""
    text = re.sub(r"<p\b[^<>]*>|</p>|<br ?/?>\s*<br ?/?>", "\n\n", documentation[:4000])
    lines: list[str] = []
    parameter = False
    for line in [*text.splitlines(), ""]:
        line = _HEADING.sub("", _SMALL_TAG.sub("", line)) if line.strip() else ""
        ends = _TAG_LINE.match(line) is not None or _SECTION.match(line) is not None
        # A parameter in the way of GTK may go on for several lines, and the description comes after it.
        parameter = bool(line.strip()) and (parameter or _PARAMETER.match(line) is not None)
        if ends or parameter or not line.strip() or _LIST_ITEM.match(line):
            if lines:
                yield "\n".join(lines)
            lines = []
            if ends:
                return
        elif not _DROPPED_LINE.match(line) and not (not lines and _SIGNATURE.match(line)):
            lines.append(line)
