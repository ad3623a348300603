"""How good a layer is, by its own estimate: each label is predicted by a fit that did not see it.

Figures stand beside those of the general model on the same labels, each with its interval, because forty labels do not
measure anything to the point. A layer that is not better than the general model by this estimate is said to be none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tierway_cli.own_model.layer import STRENGTHS, Layer, fit, probabilities
from tierway_cli.own_model.space import Matrix, Space
from tierway_proxy.contract.base import CLASSES, RequestClass
from tierway_proxy.core.classify.classes import BOUNDARIES, UNCERTAIN

FOLDS: Final = 10
RESAMPLES: Final = 1000
"""Of the labels, for the interval of macro-F1."""
SURE: Final = (1.0, 0.7, 0.5, 0.35, 0.25)
"""Factors of the general model's sums: being less sure of itself is no merit of a layer."""
USUAL: Final = (BOUNDARIES["Balanced"][0] - UNCERTAIN, BOUNDARIES["Balanced"][1] - UNCERTAIN)
"""Where a policy that says nothing draws the lines."""

_CERTAIN: Final = 1.96
_CHANCE: Final = 0.05
_LEAST_CHANCE: Final = 1e-3

Order = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Figure:
    """A share or score with its interval (95%), of so many."""

    value: float
    low: float
    high: float
    of: int


@dataclass(frozen=True, slots=True)
class Figures:
    """`macro_f1` over the classes labelled; `under`: of Complex, judged less; `over`: of the others, Complex."""

    macro_f1: Figure
    accuracy: Figure
    under: Figure
    over: Figure


@dataclass(frozen=True, slots=True)
class Judged:
    """`sums`: of each label, by a fit that did not see it; losses are mean log-losses on the same labels.

    `better`: it says nearer probabilities than the general model, however sure of itself that is made; its macro-F1 is
    not lower; and that is no chance: it beats the bare frequencies of the classes, or is right where the general model
    is wrong more often than a coin would be.
    """

    strength: float
    sums: Matrix
    loss: float
    better: bool


def judge(
    space: Space, at: Sequence[int], classes: Sequence[RequestClass], strengths: Sequence[float] = STRENGTHS
) -> Judged:
    """Cross-validate with the strength that does best; of equal ones the first."""
    truth = order_of(classes)
    tried = [(strength, _held_out(space, at, classes, strength)) for strength in strengths]
    losses = [_loss(sums, truth) for _, sums in tried]
    best = losses.index(min(losses))
    strength, sums = tried[best]
    better = _better(sums, losses[best], space.sums[list(at)], truth)
    return Judged(strength, sums, losses[best], better)


def figures(sums: Matrix, classes: Sequence[RequestClass], least: tuple[float, float] = USUAL) -> Figures:
    """Judge sums against the truth, with the least probabilities of being more than Simple and of being Complex."""
    truth, said = order_of(classes), judged(sums, least)
    complex_ = truth == 2
    low, high = _resampled(truth, said)
    return Figures(
        Figure(macro_f1(truth, said), low, high, len(truth)),
        share(int((truth == said).sum()), len(truth)),
        share(int((said[complex_] < 2).sum()), int(complex_.sum())),
        share(int((said[~complex_] == 2).sum()), int((~complex_).sum())),
    )


def order_of(classes: Sequence[RequestClass]) -> Order:
    return np.array([CLASSES.index(klass) for klass in classes], dtype=np.int64)


def judged(sums: Matrix, least: tuple[float, float] = USUAL) -> Order:
    """Return the classes (0, 1, 2) that a policy with these boundaries gives."""
    chance = probabilities(sums)
    more, complex_ = chance[:, 1] + chance[:, 2], chance[:, 2]
    said: Order = np.where(complex_ >= least[1], 2, np.where(more >= least[0], 1, 0))
    return said


def macro_f1(truth: Order, said: Order) -> float:
    """Return the mean F1 of the classes that occur in the truth."""
    scores = []
    for klass in np.unique(truth):
        hit = int(((said == klass) & (truth == klass)).sum())
        scores.append(2 * hit / max(1, int((said == klass).sum()) + int((truth == klass).sum())))
    return float(np.mean(scores))


def share(count: int, of: int) -> Figure:
    """Return a share with Wilson's interval; of nothing it is 0 and may be anything."""
    if of == 0:
        return Figure(0.0, 0.0, 1.0, 0)
    value, square = count / of, _CERTAIN**2
    middle = (value + square / (2 * of)) / (1 + square / of)
    width = _CERTAIN / (1 + square / of) * (value * (1 - value) / of + square / (4 * of * of)) ** 0.5
    return Figure(value, max(0.0, middle - width), min(1.0, middle + width), of)


def _held_out(space: Space, at: Sequence[int], classes: Sequence[RequestClass], strength: float) -> Matrix:
    folds = _folds(order_of(classes))
    sums = np.zeros((len(at), 2))
    rows = np.array(at, dtype=np.int64)
    for fold in range(int(folds.max()) + 1):
        kept: list[int] = np.flatnonzero(folds != fold).tolist()
        layer: Layer = fit(space, rows[kept].tolist(), [classes[each] for each in kept], strength)
        sums[folds == fold] = layer.sums(space)[rows[folds == fold]]
    return sums


def _folds(truth: Order) -> Order:
    """Spread each class evenly over the folds."""
    folds = np.empty(len(truth), dtype=np.int64)
    folds[np.argsort(truth, kind="stable")] = np.arange(len(truth)) % min(FOLDS, len(truth))
    return folds


def _loss(sums: Matrix, truth: Order) -> float:
    chance = np.maximum(probabilities(sums)[np.arange(len(truth)), truth], _LEAST_CHANCE)
    return float(-np.log(chance).mean())


def _better(own: Matrix, loss: float, general: Matrix, truth: Order) -> bool:
    if loss >= min(_loss(general * sure, truth) for sure in SURE):
        return False
    after, before = judged(own), judged(general)
    if macro_f1(truth, after) < macro_f1(truth, before):
        return False
    won, lost = ((one == truth) & (other != truth) for one, other in ((after, before), (before, after)))
    return loss < _loss_of_frequencies(truth) or _by_chance(int(won.sum()), int(lost.sum())) <= _CHANCE


def _by_chance(won: int, lost: int) -> float:
    """Return how probable it is that a coin falls so often, or more often, on one side."""
    tosses = won + lost
    ways: int = sum(comb(tosses, heads) for heads in range(won, tosses + 1))
    return float(ways / 2**tosses)


def _loss_of_frequencies(truth: Order) -> float:
    shares = np.unique(truth, return_counts=True)[1] / len(truth)
    return float(-(shares * np.log(shares)).sum())


def _resampled(truth: Order, said: Order) -> tuple[float, float]:
    draw = np.random.default_rng(len(truth))
    scores = []
    for _ in range(RESAMPLES):
        rows = draw.integers(len(truth), size=len(truth))
        scores.append(macro_f1(truth[rows], said[rows]))
    low, high = np.quantile(scores, (0.025, 0.975))
    return float(low), float(high)
