"""Why a request was given its class, in words of ours: what is more or less there than in a middling request.

No word of the prompt is in them, so they may be logged and sent back in a header.
"""

from typing import Final, NamedTuple

from tierway_proxy.contract.base import RequestClass
from tierway_proxy.core.classify.judge import Judge, Judgement, mixed
from tierway_proxy.core.classify.structure import NAMES

_REASONS: Final = 3
_LEAST: Final = 0.05
"""Log-odds below which nothing is worth telling."""


class Topic(NamedTuple):
    """What some figures are about: words for more of it than usual and for less; empty: not worth telling."""

    more: str
    less: str


_WORDING: Final = Topic("worded like harder requests", "worded like easier requests")
_PLAIN: Final = "nothing in it stands out"

TOPICS: Final[dict[Topic, tuple[str, ...]]] = {
    Topic("a long request", "a short request"): ("size", "lines", "sentences"),
    Topic("much is asked for at once", "little is asked for"): ("asked",),
    Topic("a further passage at its end", ""): ("closing",),
    Topic("material to work on", ""): ("material",),
    Topic("several sections", ""): ("sections", "headings"),
    Topic("listed steps or conditions", ""): ("items",),
    Topic("answers to choose between", ""): ("options",),
    Topic("it asks questions", ""): ("questions", "asks a question", "ends in a question"),
    Topic("exclamations", ""): ("exclamations",),
    Topic("figures", ""): ("figures", "density of figures", "asked figures", "digits"),
    Topic("arithmetic or formulas", ""): ("arithmetic", "equations", "formulas"),
    Topic("code", ""): (
        *("calls", "underscores", "braces", "statements", "backticks", "fences", "arrows", "indents", "semicolons"),
    ),
    Topic("quoted text", ""): ("quotes", "apostrophes", "asked quote"),
    Topic("names or values in a row", ""): ("commas", "density of commas"),
    Topic("fields to read or to fill", ""): ("colons", "fields", "asks with a colon", "ends in a colon"),
    Topic("qualified in brackets", ""): ("brackets",),
    Topic("a table", ""): ("table",),
    Topic("markup or addresses", ""): ("tags", "addresses"),
    Topic("long lines and sentences", "short lines and sentences"): ("line length", "sentence length", "word length"),
    Topic("many short lines", ""): ("stacked",),
    Topic("", ""): ("ends open", "capitals", "foreign script", "unspaced script", "small start"),
    Topic("a system prompt", ""): ("system",),
    Topic("tools to choose between", ""): ("tools", "many tools"),
    Topic("a picture to look at", ""): ("images",),
    Topic("fields of a schema to fill", ""): ("schema",),
    Topic("it asks for reasoning explicitly", ""): ("reasoning",),
    Topic("only a short answer is allowed", ""): ("brief",),
    Topic("a conversation", ""): ("turns", "several turns"),
    Topic("an agent at work", ""): ("since",),
    Topic("a short reply", ""): (
        *("short reply", "reply to a long request", "reply to a long answer", "reply to code", "reply to an offer"),
    ),
}
"""By the names of figures, without their marks."""


def _plain_name(name: str) -> str:
    return name.rstrip("0123456789").rstrip()


_TOPIC_OF: Final = {name: at for at, names in enumerate(TOPICS.values()) for name in names}
_TOPICS: Final = tuple(TOPICS)
_PLACES: Final = tuple(_TOPIC_OF[_plain_name(name)] for name in NAMES)


def reasons(klass: RequestClass, by: Judge, judgement: Judgement) -> list[str]:
    """Name what spoke most for the class, the strongest first: of Simple, what spoke against more."""
    for_it = [0.0] * len(_TOPICS)
    beyond = [0.0] * len(_TOPICS)
    for topic, weight, figure, usual in zip(_PLACES, by.figures, judgement.seen.structure, by.base.usual, strict=True):
        more = figure - usual
        for_it[topic] += (weight.imag if klass == "Complex" else weight.real) * more
        beyond[topic] += more
    wording = judgement.words - mixed(by.mix, by.base.usual_words)
    said = [
        (value, topic.more if more > 0 else topic.less)
        for value, more, topic in zip(for_it, beyond, _TOPICS, strict=True)
    ]
    spoken = wording.imag if klass == "Complex" else wording.real
    said.append((spoken, _WORDING.more if spoken > 0 else _WORDING.less))
    if klass == "Simple":
        said = [(-value, words) for value, words in said]
    strongest = sorted((each for each in said if each[0] > _LEAST and each[1]), reverse=True)[:_REASONS]
    return [words for _, words in strongest] or [_PLAIN]
