"""What the structure of one text says about how hard it is: each signal a figure from 0 (absent) to 1 (strong)."""

from math import log2
from typing import Final, NamedTuple

from tierway_proxy.core.classify.shape import without_aside, words

_CODE: Final = (b";\n", b"a(", b"a_a")
_FORMULA: Final = (b"=", b"\\", b"^", b"$a")
_OPTION: Final = (b"\na) ", b"\na. ", b"\na: ", b"(a)")
_ITEM: Final = (b"\n0. ", b"\n0) ", b"(0) ", b"\n- ", b"\n* ")

_OPTIONS: Final = 3
_STACK: Final = 3
"""Line breaks that make a stack of lines, when those are short."""
_LINE: Final = 25
"""Words of a line that is not short."""
_EDGE: Final = 400
"""Bytes at the end of what is asked in which figures are counted."""


class Signals(NamedTuple):
    """Of one text; `weights.OF_SIGNALS` has the words for each."""

    short: float
    long: float
    asked: float
    material: float
    sections: float
    closing: float
    stacked: float
    options: float
    items: float
    question: float
    figures: float
    asked_figures: float
    formulas: float
    code: float
    quoted: float
    commas: float
    semicolons: float
    fields: float
    asides: float


class _Parts(NamedTuple):
    """Of a text: what is asked, apart from what it is asked of, and its last paragraph if it has several."""

    ask: bytes
    ask_words: float
    closing_words: float


def signals(shape: bytes, *, all_asked: bool = False) -> Signals:
    """Measure a skeleton; all of it is the ask when it is known to hold no material, as a plan to be approved does."""
    shape = without_aside(shape)
    text = b"\n" + shape + b"\n"
    count = text.count
    figures = count(b"0")
    size = count(b"a") + figures + 0.6 * count(b"w")
    gaps = count(b"\n\n")
    breaks = count(b"\n") - gaps - 2
    ask, ask_words, closing_words = _Parts(shape, size, 0.0) if all_asked else _parts(shape)
    commas, semicolons = count(b","), count(b";")
    return Signals(
        short=max(0.0, 1 - size / 30),
        long=_ramp(size, 30, 90),
        asked=_ramp(ask_words, 12, 40),
        material=_log(size - ask_words, 9) * (1 - _ramp(ask_words, 20, 45)),
        sections=_ramp(gaps, 1, 5),
        closing=_ramp(closing_words, 10, 50) if gaps > 1 else 0.0,
        stacked=max(0.0, 1 - size / (breaks + 1) / _LINE) if breaks >= _STACK else 0.0,
        options=float(sum(map(count, _OPTION)) >= _OPTIONS) if breaks else 0.0,
        items=_log(sum(map(count, _ITEM)), 3) if breaks else 0.0,
        question=float(b"?" in ask[-3:]),
        figures=min(1.0, figures * 4 / (size + 3)),
        asked_figures=min(6, ask[-_EDGE:].count(b"0")) / 6,
        formulas=_log(sum(map(count, _FORMULA)), 4),
        code=min(1.0, sum(map(count, _CODE)) * 3 / (size + 5)),
        quoted=_log(count(b'"') // 2, 3),
        commas=min(1.0, (commas + semicolons) * 5 / (size + 5)),
        semicolons=min(1.0, semicolons / 4),
        fields=_log(count(b":"), 4),
        asides=_log(count(b"("), 4),
    )


def _parts(shape: bytes) -> _Parts:
    """Tell the ask from its material: it is the first paragraph, or a short last one below a long text."""
    head, gap, rest = shape.partition(b"\n\n")
    if not gap:
        head, _, rest = shape.partition(b"\n")
    closing = rest[rest.rfind(b"\n\n") + 2 :] if b"\n\n" in rest else rest
    head_words, closing_words = words(head), words(closing)
    if 0 < closing_words <= 40 and head_words > 60:
        return _Parts(closing, closing_words, closing_words)
    return _Parts(head, head_words, closing_words)


def _ramp(value: float, low: int, high: int) -> float:
    """Scale a figure: 0 up to the low mark, 1 from the high one on."""
    return min(1.0, max(0.0, (value - low) / (high - low)))


def _log(count: float, doublings: int) -> float:
    """Scale a count: 0 for none, 1 from so many doublings on."""
    return min(1.0, log2(1 + count) / doublings)
