"""Which prompt to ask about next, and when asking more teaches little.

The next prompt is the one whose label would tell most about the others: of those near to it, and above all of those
that the layer, as it is now, cannot place. That beats asking where it is least certain, which spends the first labels
on oddities. When the last labels changed the class of hardly any prompt, more will not either.
"""

from collections.abc import Collection, Sequence
from typing import Final

import numpy as np

from tierway_cli.own_model.layer import fit, probabilities, sigmoid
from tierway_cli.own_model.space import Matrix, Space
from tierway_proxy.contract.base import RequestClass

BLIND: Final = 4
"""So many prompts are chosen by nearness alone, before a fitted layer has a say."""
NOISE: Final = 0.3
"""Of a label, as variance, where a prompt has one."""
LOOK_BACK: Final = 10
"""The last so many labels are judged by what they changed."""
LEAST_LABELS: Final = 30
"""Before so many nobody is told that the gain has flattened."""
FLAT: Final = 0.02
"""The gain has flattened when the last labels changed the class of at most this share of the prompts."""


def choose(
    space: Space, at: Sequence[int], classes: Sequence[RequestClass], never: Collection[int], count: int = 1
) -> list[int]:
    """Choose up to `count` rows to label next, none of `at` and `never`; fewer when no others are left."""
    unsure = np.ones(len(space.sums))
    if len(at) >= BLIND:
        chance = sigmoid(fit(space, at, classes).sums(space))
        unsure = (chance * (1 - chance)).sum(axis=1)
    open_ = _posterior(space, at)
    taken = np.zeros(len(unsure), dtype=bool)
    taken[[*at, *never]] = True
    chosen: list[int] = []
    while len(chosen) < count and not taken.all():
        worth = (open_**2) @ unsure / (np.diag(open_) + NOISE)
        worth[taken] = -1.0
        best = int(worth.argmax())
        chosen.append(best)
        taken[best] = True
        open_ = open_ - np.outer(open_[:, best], open_[best]) / (open_[best, best] + NOISE)
    return chosen


def changed(space: Space, at: Sequence[int], classes: Sequence[RequestClass]) -> float | None:
    """Return the share of prompts whose class the last `LOOK_BACK` labels changed; None while there are too few."""
    if len(at) < LOOK_BACK + BLIND:
        return None
    now = probabilities(fit(space, at, classes).sums(space)).argmax(axis=1)
    before = probabilities(fit(space, at[:-LOOK_BACK], classes[:-LOOK_BACK]).sums(space)).argmax(axis=1)
    return float((now != before).mean())


def flattened(count: int, share: float | None) -> bool:
    """Tell whether labelling can end: `share` is what `changed` said."""
    return count >= LEAST_LABELS and share is not None and share <= FLAT


def _posterior(space: Space, at: Sequence[int]) -> Matrix:
    """Return what stays open between any two prompts when those at `at` are known."""
    near = space.kernel / max(float(np.diag(space.kernel).mean()), 1e-12)
    if not at:
        return near
    rows = np.array(at, dtype=np.int64)
    known = near[np.ix_(rows, rows)] + NOISE * np.eye(len(rows))
    open_: Matrix = near - near[:, rows] @ np.linalg.solve(known, near[rows])
    return open_
