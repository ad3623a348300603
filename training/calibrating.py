"""Probabilities that mean what they say: sums of unseen requests are rescaled until shares and probabilities agree.

Platt scaling (J. Platt, Probabilistic Outputs for Support Vector Machines, 1999) of each of the two sums, fitted to
sums from weights that never saw the request's data set.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize


@dataclass(frozen=True)
class Calibration:
    """`scale` and `shift`, (2,) each: a sum becomes sum * scale + shift."""

    scale: np.ndarray
    shift: np.ndarray


def calibration(sums: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> Calibration:
    """Fit it to sums (requests, 2) of requests with these labels (0, 1, 2)."""
    found = np.array([_line(sums[:, at], labels > at, weights / weights.sum()) for at in (0, 1)])
    return Calibration(found[:, 0], found[:, 1])


def _line(sums: np.ndarray, true: np.ndarray, share: np.ndarray) -> np.ndarray:
    def loss(line: np.ndarray) -> float:
        odds = sums * line[0] + line[1]
        return float((share * (np.logaddexp(0, odds) - true * odds)).sum())

    return minimize(loss, np.array([1.0, 0.0]), method="BFGS").x
