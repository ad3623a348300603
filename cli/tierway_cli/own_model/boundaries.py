"""Where to draw the lines between the classes for a wanted share of Complex, or of Complex requests judged too low.

Labels alone are too few to find a line, and those that were asked about are harder than the rest; what the model says
of unlabelled prompts alone believes it blindly. So both count: labels with what a fit that did not see them said, and
unlabelled prompts with what the model says.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tierway_cli.own_model.judging import Order, order_of
from tierway_cli.own_model.layer import probabilities
from tierway_cli.own_model.space import Matrix
from tierway_proxy.contract.base import RequestClass

MODERATE_PERCENT: Final = 50
"""Only the line to Complex is drawn for a wish; more than Simple is what is more probable than not."""
LABEL_WEIGHT: Final = 0.25
"""Of a labelled prompt beside one of a pool: what was asked about was asked because it was hard to place."""
_MIDDLE: Final = 50
_PERCENTS: Final = range(1, 100)


@dataclass(frozen=True, slots=True)
class Drawn:
    """Least probabilities in percent."""

    moderate_percent: int
    complex_percent: int

    @property
    def least(self) -> tuple[float, float]:
        return self.moderate_percent / 100, self.complex_percent / 100


@dataclass(frozen=True, slots=True)
class Evidence:
    """By prompt: the probability of Complex that was said, how far it is so (1 or 0 if known), its weight."""

    said: Matrix
    truth: Matrix
    weight: Matrix

    def complex_share(self, least: float) -> float:
        return float((self.said >= least).mean())

    def under_routing(self, least: float) -> float:
        complex_ = self.truth * self.weight
        return float(complex_[self.said < least].sum() / max(float(complex_.sum()), 1e-9))


def evidence(pool_sums: Matrix, labelled: Sequence[int], held_out: Matrix, classes: Sequence[RequestClass]) -> Evidence:
    """`pool_sums`: of all prompts, of which the rows `labelled` count as `held_out` sums and classes."""
    others = np.setdiff1d(np.arange(len(pool_sums)), np.array(labelled, dtype=np.int64))
    guessed = probabilities(pool_sums[others])[:, 2]
    truth: Order = order_of(classes)
    return Evidence(
        np.concatenate([guessed, probabilities(held_out)[:, 2]]),
        np.concatenate([guessed, (truth == 2).astype(np.float64)]),
        np.concatenate([np.ones(len(others)), np.full(len(truth), LABEL_WEIGHT)]),
    )


def for_complex_share(known: Evidence, wanted: float) -> Drawn:
    """Draw the line that makes a share of the requests Complex that is as near as can be to the wanted one."""
    return Drawn(MODERATE_PERCENT, _nearest(known.complex_share, wanted))


def for_under_routing(known: Evidence, wanted: float) -> Drawn:
    """Draw the line with which a share of the Complex requests is judged too low that is as near to the wanted one."""
    return Drawn(MODERATE_PERCENT, _nearest(known.under_routing, wanted))


def _nearest(share: Callable[[float], float], wanted: float) -> int:
    """Of equally near lines the one nearest to the middle, from which a small change of traffic moves least."""
    return min(_PERCENTS, key=lambda percent: (abs(share(percent / 100) - wanted), abs(percent - _MIDDLE)))
