"""Figures of how well classes are found: pure functions of labels and probabilities, by scikit-learn where it has them.

Labels and classes are 0 (Simple), 1 (Moderate) and 2 (Complex). Rates are shares of 0 to 1, nan where nothing is
counted. Intervals are over data sets, not over rows: rows of one data set are alike, and many of them are no more proof
than a few.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.stats import bootstrap
from sklearn.calibration import calibration_curve  # type: ignore[import-untyped]
from sklearn.metrics import (  # type: ignore[import-untyped]
    confusion_matrix,
    f1_score,
    precision_score,
    recall_score,
    roc_auc_score,
)

CLASSES: Final = (0, 1, 2)
RESAMPLES: Final = 400
"""Draws of data sets behind an interval."""


@dataclass(frozen=True, slots=True)
class Figures:
    """`confusion[label][class]` counts (or weighs) requests; `recall` and `precision` are by class.

    `under` is the share of Complex requests sent below Complex, `severe_under` that sent to Simple; `over` the share of
    the others sent to Complex, `severe_over` that of Simple ones. `auroc` is of telling Complex from the others.
    """

    requests: int
    macro_f1: float
    auroc: float
    recall: tuple[float, ...]
    precision: tuple[float, ...]
    under: float
    severe_under: float
    over: float
    severe_over: float
    confusion: np.ndarray


def classes(odds: np.ndarray, least: tuple[float, float], margin: float = 0.0) -> np.ndarray:
    """Classes of probabilities (requests, 3) at two boundaries, as `classify` draws them.

    `least` are the probabilities of being more than Simple, and of being Complex, from which a request is taken to be
    so; one that is nearer below a boundary than `margin` counts as above it.
    """
    more = 1 - odds[:, 0] >= least[0] - margin
    return np.where(odds[:, 2] >= least[1] - margin, 2, more.astype(int))


def figures(labels: np.ndarray, odds: np.ndarray, found: np.ndarray, weights: np.ndarray | None = None) -> Figures:
    """Judge classes that were found against labels."""
    confusion = confusion_matrix(labels, found, labels=CLASSES, sample_weight=weights)
    return Figures(
        requests=len(labels),
        macro_f1=macro_f1(labels, found, weights),
        auroc=auroc(labels == 2, odds[:, 2], weights),
        recall=tuple(recall_score(labels, found, **_by_class(weights))),
        precision=tuple(precision_score(labels, found, **_by_class(weights))),
        under=under(labels, found, weights),
        severe_under=_rate(found == 0, labels == 2, weights),
        over=over(labels, found, weights),
        severe_over=_rate(found == 2, labels == 0, weights),
        confusion=confusion,
    )


def macro_f1(labels: np.ndarray, found: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Give the mean of the three classes' F1; a class that neither occurs nor is found counts 0."""
    return float(f1_score(labels, found, labels=CLASSES, average="macro", zero_division=0.0, sample_weight=weights))


def under(labels: np.ndarray, found: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Give the share of Complex requests that are sent below Complex."""
    return _rate(found != 2, labels == 2, weights)


def over(labels: np.ndarray, found: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Give the share of the others that are sent to Complex."""
    return _rate(found == 2, labels != 2, weights)


def auroc(true: np.ndarray, score: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Give how likely a true one scores above another one; nan when all are of one kind."""
    if true.all() or not true.any():
        return float("nan")
    return float(roc_auc_score(true, score, sample_weight=weights))


def calibrated(true: np.ndarray, said: np.ndarray, parts: int = 10) -> list[tuple[float, float]]:
    """Give (said, seen) of as many parts of equal size, from the least probable to the most."""
    seen, means = calibration_curve(true, said, n_bins=parts, strategy="quantile")
    return list(zip(map(float, means), map(float, seen), strict=True))


def interval(
    figure: Callable[[np.ndarray], float], groups: Sequence[object], resamples: int = RESAMPLES
) -> tuple[float, float]:
    """Bound a figure of rows, given as their indexes, by 95% of draws of whole groups (data sets) of rows."""
    names = list(dict.fromkeys(groups))
    number = {name: at for at, name in enumerate(names)}
    home = np.array([number[group] for group in groups])
    rows = [np.flatnonzero(home == at) for at in range(len(names))]
    found = bootstrap(
        (np.arange(len(names)),),
        lambda drawn: figure(np.concatenate([rows[at] for at in drawn])),
        n_resamples=resamples,
        vectorized=False,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return float(found.low), float(found.high)


def evened(cells: Sequence[tuple[object, int]]) -> np.ndarray:
    """Weights under which each class is as common in every kind as the others; `cells` are (kind, label) of rows.

    A kind without one of the classes weighs nothing: there the kind alone gives the class away.
    """
    counts: dict[tuple[object, int], int] = {}
    for cell in cells:
        counts[cell] = counts.get(cell, 0) + 1
    kinds = {kind for kind, _ in cells}
    full = {kind for kind in kinds if all((kind, at) in counts for at in CLASSES)}
    sizes = {kind: sum(counts[kind, at] for at in CLASSES) for kind in full}
    return np.array([sizes[kind] / counts[kind, label] if kind in full else 0.0 for kind, label in cells])


def _by_class(weights: np.ndarray | None) -> dict[str, object]:
    return {"labels": CLASSES, "average": None, "zero_division": 0.0, "sample_weight": weights}


def _rate(true: np.ndarray, among: np.ndarray, weights: np.ndarray | None) -> float:
    if not among.any():
        return float("nan")
    return float(np.average(true[among], weights=None if weights is None else weights[among]))
