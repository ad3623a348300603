"""What people say around what they ask: greetings, thanks, tags, remarks in brackets. It is left out before measuring.

A courtesy or a line of tags would otherwise move requests that stand near a boundary. Only the very beginning and end
of a text are looked at, so it costs the same for a long one; what would leave nothing is left alone.
"""

# ruff: noqa: RUF001 - signs of other scripts are what this is about

import re
from typing import Final

from tierway_proxy.core.classify.courtesies import HELLO, HINTS, MANNER, TAGS, THANKS, WISHES

_EDGE: Final = 320
"""Characters looked at, at either end."""
_ROUNDS: Final = 3

_MANNER_WORDS: Final = 3
"""At least so many of them, or they may be part of what is asked."""
_STOPS: Final = '.,:;!?()[]"…'


def _verbatim(words: str) -> str:
    """Keep the spaces of a pattern that goes into a verbose one."""
    return words.replace(" ", r"\ ")


_OPENING: Final = re.compile(
    rf"\s*(?:(?:{HELLO})(?!\w)[^.!?,:;\n。！，]{{0,40}}[.!,;\n。！，]+\s*(?:(?:{WISHES})[^.!?\n]{{0,60}}[.!?\n]+\s*)?)",
    re.IGNORECASE,
)
_CLOSING: Final = re.compile(
    rf"""(?:
        (?<=[.!?,;。！？)\n])\s*+(?:{_verbatim(THANKS)})(?!\w)
        [^.?\n:;。？]{{0,60}}+[.!。！]*+(?:\n[^\n?]{{0,30}}+)?   # thanks, and a name below
      | \n\s*+(?:i \s )? (?:really \s )? (?:have\sa\s(?:nice|great|good)\sday|appreciate)[^?\n]{{0,60}}+
      | \n\s*+[(\[][^()\[\]\n]{{0,240}}+[)\]]                                                # a last line in brackets
      | \n\s*+[(\[]?{_verbatim(TAGS)}[:：][^\n?]{{0,240}}+                                              # a line of tags
    )\Z""",
    re.IGNORECASE | re.VERBOSE,
)
"""For a text that ends in no space. All repetitions are possessive: what they give back is never what follows them."""


def without_asides(text: str) -> str:
    """Give the text without a greeting before it and without thanks, tags, remarks and manners after it."""
    asked, before = text, ""
    for _ in range(_ROUNDS):
        if asked != before:
            before, asked = asked, _cut_manner(_cut_closing(asked))
    opening = _OPENING.match(asked[:_EDGE])
    if opening:
        asked = asked[opening.end() :]
    return asked if asked.strip() else text


def _cut_manner(text: str) -> str:
    """Cut words at the end that only say how to answer: "think step by step", "just a short answer please"."""
    words = text[-_EDGE:].split()
    kept = len(words)
    while kept and words[kept - 1].strip(_STOPS).lower() in MANNER:
        kept -= 1
    if not 0 < kept <= len(words) - _MANNER_WORDS:
        return text
    cut = text.rstrip()
    for word in reversed(words[kept:]):
        cut = cut.removesuffix(word).rstrip()
    return cut


def _cut_closing(text: str) -> str:
    start = max(0, len(text) - _EDGE)
    end = text[start:].lower()
    if not any(hint in end for hint in HINTS):
        return text
    closing = _CLOSING.search(text[start:].rstrip())
    if closing is None or not text[: start + closing.start()].strip():
        return text
    return text[: start + closing.start()]
