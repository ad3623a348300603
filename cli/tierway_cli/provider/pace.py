"""When the tokens of one answer are due: the jitter around a model's figures, drawn from a source that is given.

Lognormal, because latencies are. The spread of TTFT is small enough (sigma 0.08) that a median of 0.8 x a limit has its
95th percentile under 0.93 x that limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from tierway_cli.provider.figures import Figures

TTFT_SIGMA = 0.08
RATE_SIGMA = 0.05
GAP_SIGMA = 0.1


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds until the first token, and the mean seconds between two tokens."""

    first_seconds: float
    gap_seconds: float
    random: Random

    def gap(self) -> float:
        """Draw the seconds to the next token; their mean is ``gap_seconds``."""
        return self.gap_seconds * self.random.lognormvariate(-GAP_SIGMA * GAP_SIGMA / 2, GAP_SIGMA)


def draw_pace(figures: Figures, region: str, speed: float, random: Random) -> Pace:
    """Draw one answer's pace; ``speed`` above 1 is faster than real time."""
    first = figures.ttft_seconds(region) * random.lognormvariate(0, TTFT_SIGMA)
    gap = random.lognormvariate(0, RATE_SIGMA) / figures.tokens_per_second
    return Pace(first / speed, gap / speed, random)
