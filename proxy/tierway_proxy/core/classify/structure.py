"""What the structure of a request says about how hard it is: figures from 0 (absent) to 1 (strong), in any script.

Most are counted in the skeleton of the ask (see `shape`), some in its text; a few are of the request as a whole.
`NAMES` are in the order in which `structure` gives them; a figure with marks (`size 16`) is 0 up to its mark and 1 from
twice the mark on, so that several of them together can follow any curve.
"""

from collections.abc import Iterator, Mapping
from math import log2
from string import ascii_uppercase, digits
from typing import Any, Final

from tierway_proxy.core.ask import Examined
from tierway_proxy.core.classify.conversation import SHORT_WORDS, Conversation
from tierway_proxy.core.classify.shape import skeleton, window, words

Figures = tuple[float, ...]

BRIEF_TOKENS: Final = 64
"""An answer of so many tokens holds a label, a figure or a sentence."""

SIZES: Final = (2, 4, 8, 16, 32, 64, 128, 256, 512)
PARTS: Final = (2, 4, 8, 16, 32)
SYSTEMS: Final = (8, 32, 128)

_IN_SKELETON: Final[dict[str, tuple[int, tuple[bytes, ...]]]] = {
    "sections": (4, (b"\n\n",)),
    "lines": (6, (b"\n",)),
    "items": (4, (b"\n0. ", b"\n0) ", b"\n- ", b"\n* ", b"(0) ")),
    "options": (3, (b"\na) ", b"\na. ", b"\na: ", b"\n(a) ", b"(a) ")),
    "questions": (3, (b"?",)),
    "exclamations": (3, (b"!",)),
    "figures": (6, (b"0",)),
    "arithmetic": (
        3,
        (b"0 + 0", b"0+0", b"0 * 0", b"0*0", b"0 - 0", b"0/0", b"0 / 0", b"0^0", b"0 = ", b"a = 0", b"a^0"),
    ),
    "equations": (4, (b"=",)),
    "formulas": (6, (b"\\", b"$", b"^")),
    "calls": (5, (b"a(",)),
    "underscores": (4, (b"_",)),
    "braces": (5, (b"{", b"[")),
    "statements": (5, (b";\n", b"{\n", b"}\n", b")\n", b":\n")),
    "quotes": (4, (b'"',)),
    "apostrophes": (4, (b"'",)),
    "commas": (6, (b",",)),
    "semicolons": (4, (b";",)),
    "colons": (5, (b":",)),
    "brackets": (4, (b"(",)),
    "fields": (4, (b'":', b"a: ")),
    "table": (6, (b"|", b"\t")),
    "tags": (5, (b"</", b"/>", b"<a")),
    "headings": (3, (b"\n#",)),
    "addresses": (3, (b"://", b"@")),
    "backticks": (4, (b"`",)),
    "fences": (2, (b"```",)),
    "arrows": (3, (b"->", b"=>", b">=", b"<=", b"==", b"&&", b"||")),
    "sentences": (6, (b". ", b".\n", b"? ", b"! ")),
}
"""What is counted: from so many doublings on the figure is 1."""

_OF_THE_ASK: Final = (
    *("material", "density of figures", "density of commas", "line length", "sentence length", "word length"),
    *("stacked", "asks a question", "ends in a question", "ends open", "asks with a colon", "ends in a colon"),
    *("asked figures", "asked quote", "capitals", "digits"),
    *("foreign script", "unspaced script", "small start", "indents"),
)
_AROUND: Final = (
    *("tools", "many tools", "images", "schema", "reasoning", "brief", "turns", "several turns", "since", "system"),
    *("short reply", "reply to a long request", "reply to a long answer", "reply to code", "reply to an offer"),
)
NAMES: Final = (
    *(f"size {mark}" for mark in SIZES),
    *(f"asked {mark}" for mark in PARTS),
    *(f"closing {mark}" for mark in PARTS),
    *_IN_SKELETON,
    *_OF_THE_ASK,
    *(f"system {mark}" for mark in SYSTEMS),
    *_AROUND,
)

_COUNTED: Final = tuple(
    (signs, tuple(log2(1 + count) / doublings for count in range(2**doublings - 1)))
    for doublings, signs in _IN_SKELETON.values()
)
"""What is counted, with the figure of each count that makes less than 1."""
_SIZES_AT, _PARTS_AT, _SYSTEMS_AT = (tuple(map(log2, marks)) for marks in (SIZES, PARTS, SYSTEMS))
_CAPITALS: Final = ascii_uppercase.encode()
_DIGITS: Final = digits.encode()
_LINE: Final = 25
_EDGE: Final = 400


def structure(said: Conversation, body: Mapping[str, Any], examined: Examined) -> Figures:
    """Measure a request; in the order of `NAMES`."""
    shape = skeleton(said.ask)
    return (*_of_text(shape, window(said.ask)), *_of_request(said, body, examined, words(shape)))


def _of_text(shape: bytes, text: str) -> Iterator[float]:
    size = words(shape)
    asked, closing = _parts(shape)
    asked_size, closing_size = words(asked), words(closing)
    yield from _marks(size, _SIZES_AT)
    yield from _marks(asked_size, _PARTS_AT)
    yield from _marks(closing_size, _PARTS_AT)
    count = (b"\n" + shape + b"\n").count
    for signs, figures in _COUNTED:
        found = sum(map(count, signs))
        yield figures[found] if found < len(figures) else 1.0
    instruction = closing if 0 < closing_size <= 40 and asked_size > 60 else asked
    breaks = count(b"\n") - 1
    yield _log(size - words(instruction), 9)
    yield min(1.0, count(b"0") * 4 / (size + 3))
    yield min(1.0, (count(b",") + count(b";")) * 5 / (size + 5))
    yield _log(size / breaks, 7)
    yield _log(size / (1 + count(b". ") + count(b".\n") + count(b"?")), 6)
    yield min(1.0, len(text) / (size + 1) / 10)
    yield max(0.0, 1 - size / breaks / _LINE) if breaks > 3 else 0.0
    yield float(b"?" in asked[-3:])
    yield float(b"?" in shape[-3:])
    yield float(shape[-1:] in b"a0w")
    yield float(asked.endswith(b":") or b":\n" in asked)
    yield float(shape.endswith(b":"))
    yield min(6, instruction[-_EDGE:].count(b"0")) / 6
    yield float(b'"' in instruction)
    yield from _of_letters(text, shape, size)


def _of_letters(text: str, shape: bytes, size: float) -> Iterator[float]:
    raw = text.encode("utf-8", "surrogatepass")
    length = len(raw) + 1
    yield min(1.0, 4 * (length - 1 - len(raw.translate(None, _CAPITALS))) / length)
    yield min(1.0, 5 * (length - 1 - len(raw.translate(None, _DIGITS))) / length)
    yield (len(raw) - len(text)) / length
    yield min(1.0, shape.count(b"w") / (size + 1))
    yield float(text[:1].islower())
    yield _log(text.count("\n  ") + text.count("\n\t"), 5)


def _of_request(said: Conversation, body: Mapping[str, Any], examined: Examined, size: float) -> Iterator[float]:
    yield from _marks(len(said.system) / 6, _SYSTEMS_AT)
    tools = body.get("tools")
    count = len(tools) if isinstance(tools, list) else 0
    allowed = examined.output_tokens
    yield float(examined.tools)
    yield _log(max(0, count - 1), 4)
    yield float(examined.images)
    yield float("JSONSchema" in examined.needs)
    yield float(examined.wants_reasoning)
    yield float(allowed is not None and allowed <= BRIEF_TOKENS)
    yield _log(said.turns - 1, 3) if said.turns else 0.0
    yield float(said.turns > 1)
    yield _log(said.since, 4)
    yield float(bool(said.system))
    yield from _of_reply(said) if said.answer and size <= SHORT_WORDS else (0.0,) * 5


def _of_reply(said: Conversation) -> Figures:
    answer = skeleton(said.answer)
    return (
        1.0,
        _log(words(skeleton(said.previous)), 9),
        _log(words(answer), 9),
        float("```" in said.answer),
        float(answer.endswith(b"?")),
    )


def _parts(shape: bytes) -> tuple[bytes, bytes]:
    """Give the first paragraph (or line, when there is one paragraph) and the last, which may be empty."""
    head, gap, rest = shape.partition(b"\n\n")
    if not gap:
        head, _, rest = shape.partition(b"\n")
    return head, rest[rest.rfind(b"\n\n") + 2 :] if b"\n\n" in rest else rest


def _marks(value: float, marks: tuple[float, ...]) -> list[float]:
    at = log2(value + 0.01)
    return [0.0 if at <= mark else min(1.0, at - mark) for mark in marks]


def _log(count: float, doublings: int) -> float:
    """Scale a count: 0 for none, 1 from so many doublings on."""
    return min(1.0, log2(1 + max(0.0, count)) / doublings)
