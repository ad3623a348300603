"""The layer itself: two straight lines fitted to labels, held near the general model, and written as signed bytes.

Each line is logistic regression in the space of `space`, started from most of what the general model says: where labels
say nothing, that decides. The fit has one optimum and no chance in it, so the same labels give the same bytes.
"""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tierway_cli.own_model.space import BIAS, TRUST, Matrix, Space
from tierway_proxy.contract.base import CLASSES, RequestClass
from tierway_proxy.contract.own_model import GENERAL, WORDS, OwnModel

HELD: Final = 0.8
"""So much of the general model's sums stays where labels say nothing."""
STRENGTHS: Final = (100.0, 20.0, 4.0)
"""How far labels may bend the lines; noisy labels should bend them less."""

_STEPS: Final = 60
_NEAR: Final = 1e-7
_LEAST_CURVE: Final = 0.03
_LARGEST: Final = 127
_DIGITS: Final = 6


@dataclass(frozen=True, slots=True)
class Layer:
    """`pull`: what each labelled prompt (row of the space in `at`) adds to the two sums of those near to it."""

    at: NDArray[np.int64]
    pull: Matrix
    strength: float

    def sums(self, space: Space) -> Matrix:
        """Return the two sums of every prompt of the space."""
        own: Matrix = HELD * space.sums + self.strength * space.kernel[:, self.at] @ self.pull
        return own


def fit(space: Space, at: Sequence[int], classes: Sequence[RequestClass], strength: float = STRENGTHS[0]) -> Layer:
    """Fit the layer to the classes of the space's rows `at`."""
    rows = np.array(at, dtype=np.int64)
    order = np.array([CLASSES.index(klass) for klass in classes])
    kernel = strength * space.kernel[np.ix_(rows, rows)]
    start = HELD * space.sums[rows]
    pull = [_line(kernel, start[:, line], (order > line).astype(np.float64)) for line in (0, 1)]
    return Layer(rows, np.stack(pull, axis=1), strength)


def _line(kernel: Matrix, start: Matrix, truth: Matrix) -> Matrix:
    """Newton's method on the penalized log-loss, each step shortened until it gains."""
    pull = np.zeros(len(truth))
    own = kernel @ pull
    loss = _loss(own, pull, start, truth)
    unit = np.eye(len(truth))
    for _ in range(_STEPS):
        chance = sigmoid(start + own)
        curve = np.maximum(chance * (1 - chance), _LEAST_CURVE)
        step = np.linalg.solve(curve[:, None] * kernel + unit, curve * own + truth - chance) - pull
        size, gained = 1.0, False
        while size > _NEAR and not gained:
            next_pull = pull + size * step
            next_own = kernel @ next_pull
            next_loss = _loss(next_own, next_pull, start, truth)
            gained = next_loss < loss
            size /= 2
        if not gained:
            break
        near = loss - next_loss < _NEAR
        pull, own, loss = next_pull, next_own, next_loss
        if near:
            break
    return pull


def _loss(own: Matrix, pull: Matrix, start: Matrix, truth: Matrix) -> float:
    total = start + own
    return float((np.logaddexp(0, total) - truth * total).sum() + own @ pull / 2)


def sigmoid(log_odds: Matrix) -> Matrix:
    chance: Matrix = 1 / (1 + np.exp(-np.clip(log_odds, -40, 40)))
    return chance


def probabilities(sums: Matrix) -> Matrix:
    """Return P(Simple), P(Moderate), P(Complex) by row, as a proxy finds them."""
    more = sigmoid(sums[:, 0])
    complex_ = np.minimum(more, sigmoid(sums[:, 1]))
    return np.stack([1 - more, more - complex_, complex_], axis=1)


def model_of(space: Space, layer: Layer) -> OwnModel:
    """Write the layer as a proxy reads it. Its sums differ from the layer's by what rounding to bytes costs."""
    pull = layer.strength * layer.pull
    weights = space.weights(layer.at, pull)
    step = max(float(np.abs(weights).max()) / _LARGEST, 10.0**-_DIGITS)
    step = round(step, 9)
    rounded = np.clip(np.rint(weights / step), -_LARGEST, _LARGEST)
    bias = BIAS * pull.sum(axis=0) - space.mean @ (rounded * step)
    general = HELD * np.eye(2) + TRUST * (space.sums[layer.at].T @ pull).T
    return OwnModel(
        over=GENERAL,
        bias=_pair(bias),
        general=(_pair(general[0]), _pair(general[1])),
        step=step,
        structure=_bytes(rounded[WORDS:]),
        words=_bytes(rounded[:WORDS]),
        labels=len(layer.at),
    )


def _pair(values: Matrix) -> tuple[float, float]:
    first, second = (min(100.0, max(-100.0, round(float(each), _DIGITS))) for each in values)
    return first, second


def _bytes(weights: Matrix) -> str:
    return b64encode(weights.astype(np.int8).tobytes()).decode()
