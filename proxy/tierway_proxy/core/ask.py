"""What a request asks for, as values: the only thing that planning knows of a chat-completions body.

`Examined` is what every request is looked at for, also when its tier is pinned and nobody asks how hard it is. `Ask`
adds the class. Neither holds a word of the prompt, so both may be logged, explained and counted.
"""

from dataclasses import dataclass
from typing import Literal

from tierway_proxy.contract.base import CLASSES, RequestClass

Capability = Literal["Tools", "Vision", "JSONSchema"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """Facts that cost little and are always known.

    `input_tokens` is an estimate (see `classify.examine`); `output_tokens` is what the request allows, None when it
    does not say. `needs` are capabilities without which a model refuses or ignores part of the request. `tools` and
    `images` say what the request carries; `wants_reasoning` that it explicitly asks for a reasoning model; `stream`
    that the client wants server-sent events.
    """

    input_tokens: int
    output_tokens: int | None
    needs: frozenset[Capability]
    wants_reasoning: bool
    tools: bool
    images: bool
    stream: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask(Examined):
    """A request whose class is known, with how it came to be known.

    `probabilities` are of Simple, Moderate and Complex and sum to one; `confidence` is that of `klass`, 0 to 1.
    `reasons` are phrases that a person understands, the strongest first, never empty.
    """

    klass: RequestClass
    confidence: float
    probabilities: tuple[float, float, float]
    reasons: tuple[str, ...]


def ask_for(examined: Examined, klass: RequestClass, probabilities: tuple[float, float, float], *reasons: str) -> Ask:
    """Add a class to what was examined."""
    return Ask(
        klass=klass,
        confidence=probabilities[CLASSES.index(klass)],
        probabilities=probabilities,
        reasons=reasons,
        input_tokens=examined.input_tokens,
        output_tokens=examined.output_tokens,
        needs=examined.needs,
        wants_reasoning=examined.wants_reasoning,
        tools=examined.tools,
        images=examined.images,
        stream=examined.stream,
    )


def declared(examined: Examined, klass: RequestClass, reason: str) -> Ask:
    """Make the ask of a request whose class somebody named (a header, a rule): certain, for the reason given."""
    simple, moderate, complex_ = (float(klass == each) for each in CLASSES)
    return ask_for(examined, klass, (simple, moderate, complex_), reason)
