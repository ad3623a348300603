"""The requests that the demo sends, written for this project, and in which order.

Each says for itself what its author takes it to be, so that what a classifier makes of it can be judged. `model` is
left out of every request: who sends it chooses.
"""

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, cast

from tierway_proxy.contract.base import RequestClass

REQUESTS: Final = Path(__file__).parent / "requests"


@dataclass(frozen=True, slots=True)
class Sample:
    """One chat-completions body without `model`, with the author's label and the policy that it is meant for."""

    area: str
    language: str
    klass: RequestClass
    policy: Literal["default", "legal-finance"]
    request: Mapping[str, Any]


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
    )
