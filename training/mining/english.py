"""A rule of thumb for whether words are English: short texts hold too little for a statistical detector."""

from __future__ import annotations

from collections.abc import Sequence

_ENGLISH = frozenset(
    """
    the a an of to in is are was be been for and or not if this that these those with from by on at as it its
    into when where which who will can may must should would could has have had does do no all any each only
    than then there they their we you your our but so such also using use used uses return returns returned
    get gets set sets given whether returning check checks create creates new add adds value values between
    """.split()  # noqa: SIM905 - a list of this length is harder to read
)
_FOREIGN = frozenset(
    """
    der das und nicht ist ein eine einen wird werden für mit auf dem den von zur zum wenn aus bei oder
    le la les des une est pas pour dans du et ou sur avec que qui ce cette ces par aux si sont
    el los las una por con para del al lo se como este esta es en y su sus
    il gli di che della nel per non alla dei delle
    o os um uma não na da dos das em ao ou são
    het een van voor niet wordt zijn naar deze met op bij
    och att som för på av med till är inte den det
    jest nie oraz lub ve bir için ile
    """.split()  # noqa: SIM905 - a list of this length is harder to read
)
_LONG_ENOUGH = 12
"""Words a text has that would hold one of English's commonest."""


def is_english(words: Sequence[str]) -> bool:
    """Whether words are English: letters without marks, and more particles of English than of others."""
    letters = "".join(words)
    if sum(letter.isascii() for letter in letters) < 0.95 * len(letters):
        return False
    lowered = [word.lower() for word in words]
    english = sum(word in _ENGLISH for word in lowered)
    foreign = sum(word in _FOREIGN and word not in _ENGLISH for word in lowered)
    if foreign > english:
        return foreign < 2 and len(words) < _LONG_ENOUGH and not _marked(lowered)
    return english > 0 or len(words) < _LONG_ENOUGH


def _marked(words: Sequence[str]) -> bool:
    return any(not word.isascii() for word in words)
