"""The requests that the demo sends, written for this project, and in which order.

Each says for itself what its author takes it to be, so that what a classifier makes of it can be judged. `model` is
left out of every request: who sends it chooses.

The class is that of what the answer takes: Simple is one fact, a label, a figure read from a text, a short rewrite, a
call of one tool; Moderate is a summary, an explanation, a routine function, a standard computation of some steps;
Complex is a chain of reasoning, a proof, a design under conflicting demands, a subtle bug. The shape is the first of
picture, tools, schema and turns (of a conversation) that the request has, otherwise what most of it is: code, maths, a
document that something is asked of, a system prompt that outweighs the user's turn, an instruction, or a question.
"""

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, cast

from tierway_proxy.contract.base import RequestClass

REQUESTS: Final = Path(__file__).parent / "requests"

Shape = Literal["question", "instruction", "document", "code", "maths", "turns", "system", "tools", "schema", "picture"]


@dataclass(frozen=True, slots=True)
class Sample:
    """One chat-completions body without `model`, with the author's label and the policy that it is meant for."""

    area: str
    language: str
    klass: RequestClass
    policy: Literal["default", "legal-finance"]
    request: Mapping[str, Any]
    shape: Shape = "question"


def load(folder: Path = REQUESTS) -> tuple[Sample, ...]:
    """Read all samples, in the order of the files' names and lines."""
    return tuple(
        _sample(json.loads(line))
        for path in sorted(folder.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    )


def sequence(samples: Sequence[Sample], length: int, seed: int = 0) -> Iterator[Sample]:
    """Give so many samples in an order that the seed alone decides; none comes again before all have come."""
    order = random.Random(seed)  # noqa: S311 - an order, not a secret
    left: list[Sample] = []
    for _ in range(length):
        if not left:
            left = order.sample(samples, len(samples))
        yield left.pop()


def _sample(line: dict[str, Any]) -> Sample:
    return Sample(
        area=line["area"],
        language=line["language"],
        klass=cast("RequestClass", line["class"]),
        policy=line["policy"],
        request=line["request"],
        shape=line["shape"],
    )
