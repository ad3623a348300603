"""Logistic regression with a ridge: two sums of log-odds (more than Simple; Complex) over one matrix.

Fitted twice: with all words that occur in several data sets, then again with those alone whose weights do most, so that
the weights fit into a file of a hundred kilobytes. L-BFGS of scipy; the same numbers on every run.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import sparse
from scipy.optimize import minimize

from tierway_proxy.core.classify.wording import PLACES
from training.data import Row
from training.matrix import Matrix

SHARES: Final[Mapping[str, float]] = {"mixed": 0.35, "broad": 1.0, "bank": 2.0}
"""How much the sets count in the fit, whatever their sizes."""
RIDGE: Final = 2e-4
FIGURES_SCALE: Final = 0.5
WORDS_SCALE: Final = 2.0
"""How dear weights of figures are beside weights of words: scales of their columns."""
SYSTEM_SCALE: Final = 0.5
"""Words of system prompts are dearer: the same prompt stands over the easy and the hard requests of an application."""
LEAST_SPREAD: Final = 2
"""Data sets that a word must occur in."""
MOST_WORDS: Final = 32_000
STEPS: Final = 70


@dataclass(frozen=True)
class Fit:
    """`figures` (STRUCTURE, 2) and `words` (len(columns), 2) are weights of the unscaled columns; `bias` (2,)."""

    figures: np.ndarray
    words: np.ndarray
    columns: np.ndarray
    bias: np.ndarray

    def sums(self, data: Matrix) -> np.ndarray:
        """Log-odds (requests, 2) of all rows."""
        return np.asarray(data.figures @ self.figures + data.known(self.columns) @ self.words + self.bias)


def weights_of(rows: Sequence[Row]) -> np.ndarray:
    """What each row counts: a data set as its size to the power of 3/4, a whole set as `SHARES` says."""
    sizes = Counter((row.set, row.dataset, row.label) for row in rows)
    weights = np.array([sizes[row.set, row.dataset, row.label] ** -0.25 for row in rows])
    sets = np.array([row.set for row in rows])
    for name, share in SHARES.items():
        there = sets == name
        if there.any():
            weights[there] *= share / weights[there].sum()
    return np.asarray(weights / weights.sum())


def fit(data: Matrix, labels: np.ndarray, weights: np.ndarray, groups: np.ndarray, most: int = MOST_WORDS) -> Fit:
    """Fit to the rows of positive weight. `groups` tells data sets apart by number."""
    used = np.flatnonzero(weights > 0)
    spread = data.spread(np.where(weights > 0, groups, -1))
    columns = np.flatnonzero(spread >= LEAST_SPREAD)
    first = _fit(data, columns, labels, weights, used)
    if len(columns) <= most:
        return first
    worth = np.abs(first.words).max(axis=1) * np.sqrt(spread[columns])
    best = np.sort(columns[np.argsort(-worth, kind="stable")[:most]])
    return _fit(data, best, labels, weights, used)


def _fit(data: Matrix, columns: np.ndarray, labels: np.ndarray, weights: np.ndarray, used: np.ndarray) -> Fit:
    figures = sparse.csr_matrix(data.figures[used] * np.float32(FIGURES_SCALE))
    scale = np.where(data.places[columns] == PLACES.index("system"), SYSTEM_SCALE, 1) * WORDS_SCALE
    words = sparse.csr_matrix(data.known(columns)[used].multiply(scale.astype(np.float32)))
    design = sparse.hstack([figures, words]).tocsr().astype(np.float32)
    found = _minimum(design, np.c_[labels >= 1, labels == 2][used].astype(np.float32), weights[used])
    count = figures.shape[1]
    return Fit(found[:count] * FIGURES_SCALE, found[count:-1] * scale[:, None], columns, found[-1])


def _minimum(design: sparse.csr_matrix, wanted: np.ndarray, weights: np.ndarray) -> np.ndarray:
    columns, sums = design.shape[1], wanted.shape[1]
    share = (weights / weights.sum()).astype(np.float32)[:, None]
    turned = design.T.tocsr()

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        found = flat.reshape(columns + 1, sums).astype(np.float32)
        odds = design @ found[:-1] + found[-1]
        cost = float((share * (np.logaddexp(0, odds) - wanted * odds)).sum() + 0.5 * RIDGE * (found[:-1] ** 2).sum())
        pull = share * (1 / (1 + np.exp(-odds)) - wanted)
        slope = np.vstack([turned @ pull + np.float32(RIDGE) * found[:-1], pull.sum(axis=0)])
        return cost, slope.ravel().astype(np.float64)

    start = np.zeros((columns + 1) * sums)
    return minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": STEPS, "maxcor": 12}).x.reshape(
        -1, sums
    )
