"""What the structure of one text says about how hard it is: each signal a figure from 0 (absent) to 1 (strong)."""

from math import log2
from typing import Final, NamedTuple

from tierway_proxy.core.classify.shape import without_aside, words

_CODE: Final = (b";\n", b"a(", b"a_a")
_FORMULA: Final = (b"=", b"\\", b"^", b"$a", b" + ")
_OPTION: Final = (b"\na) ", b"\na. ", b"\na: ", b"(a)")
_ITEM: Final = (b"\n0. ", b"\n0) ", b"\n- ", b"\n* ")

_FEW_WORDS: Final = 12
_SHORT_LINE: Final = 25
"""Words that fit an instruction of one line."""
_STACK: Final = 4
"""Lines that make a stack of short ones."""
_OPTIONS: Final = 3
_EDGE: Final = 150
"""Bytes of the opening and of the closing line in which figures count as part of what is asked."""


class Signals(NamedTuple):
    """Of one text; see `rules.WEIGHTS` for what each is in words."""

    terse: float
    long: float
    opening: float
    closing: float
    framed: float
    gaps: float
    stacked: float
    asks_first: float
    options: float
    items: float
    figures: float
    edge_figures: float
    formulas: float
    code: float
    quoted: float
    enumerating: float
    introduces: float
    fields: float
    asides: float


def signals(shape: bytes) -> Signals:
    """Measure a skeleton."""
    shape = without_aside(shape)
    text = b"\n" + shape + b"\n"
    count = text.count
    figures = count(b"0")
    size = count(b"a") + figures + 0.6 * count(b"w")
    opening, _, rest = shape.partition(b"\n")
    closing = rest[rest.rfind(b"\n") + 1 :]
    opened = words(opening)
    gaps = count(b"\n\n")
    lines = count(b"\n") - gaps - 1
    return Signals(
        terse=max(0.0, 1 - size / _FEW_WORDS),
        long=_log(size, 10),
        opening=_log(opened, 7),
        closing=_log(words(closing), 7),
        framed=min(1.0, max(0.0, size - opened - 20) / 80) if opened <= _SHORT_LINE else 0.0,
        gaps=_log(gaps, 3),
        stacked=max(0.0, 1 - size / lines / _SHORT_LINE) if lines >= _STACK else 0.0,
        asks_first=float(b"?" in opening[-3:]),
        options=float(sum(map(count, _OPTION)) >= _OPTIONS),
        items=_log(sum(map(count, _ITEM)), 3),
        figures=min(1.0, figures * 4 / (size + 3)),
        edge_figures=min(6, opening[-_EDGE:].count(b"0") + closing[-_EDGE:].count(b"0")) / 6,
        formulas=_log(sum(map(count, _FORMULA)), 4),
        code=min(1.0, sum(map(count, _CODE)) * 3 / (size + 5)),
        quoted=_log(count(b'"') // 2, 3),
        enumerating=min(1.0, (count(b",") + count(b";")) * 5 / (size + 5)),
        introduces=float(opening[-1:] == b":" and bool(rest)),
        fields=_log(count(b":"), 4),
        asides=_log(count(b"("), 4),
    )


def _log(value: float, doublings: int) -> float:
    """Scale a count: 0 for none, 1 from so many doublings on."""
    return min(1.0, log2(1 + value) / doublings)
