"""From labelled requests to weights, and to the sums of each request by weights that never saw its data set."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training import augment, bank, data, packing
from training.calibrating import Calibration, calibration
from training.data import Fold, Row
from training.fitting import Fit, fit, weights_of
from training.matrix import Matrix, matrix, seen

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Ground:
    """All that is fitted to: the labelled rows first, then the bank's, then changed copies of both.

    `source` says of each what it is a copy of (itself, if of none); `labelled` how many the first are.
    """

    rows: list[Row]
    source: np.ndarray
    labelled: int
    matrix: Matrix
    labels: np.ndarray
    groups: np.ndarray
    weights: np.ndarray

    def without(self, fold: Fold) -> np.ndarray:
        """Weights that leave out the fold's data sets, and copies of theirs."""
        fitted = np.zeros(len(self.rows), bool)
        fitted[fold.fitted] = True
        fitted[self.labelled :] = True
        return np.where(fitted[self.source], self.weights, 0)


def ground(labelled: Sequence[Row]) -> Ground:
    """Put the bank and the changed copies beside the labelled rows, and measure all."""
    originals = [*labelled, *bank.rows()]
    copies = list(augment.augmented(originals))
    rows = [*originals, *(row for _, row in copies)]
    source = np.array([*range(len(originals)), *(at for at, _ in copies)])
    number: dict[tuple[str, str], int] = {}
    return Ground(
        rows=rows,
        source=source,
        labelled=len(labelled),
        matrix=matrix([seen(row) for row in rows]),
        labels=np.array([row.label for row in rows]),
        groups=np.array([number.setdefault((row.set, row.dataset), len(number)) for row in rows]),
        weights=weights_of(rows),
    )


def fit_without(on: Ground, fold: Fold) -> Fit:
    """Fit to all but the data sets of a fold."""
    return fit(on.matrix, on.labels, on.without(fold), on.groups)


def left_out(on: Ground, tell: Tell = lambda _: None) -> tuple[np.ndarray, list[tuple[Fold, Fit]]]:
    """Sums (labelled rows, 2) by weights that never saw a row's data set, and those weights by fold."""
    sums = np.zeros((on.labelled, 2))
    fits = []
    parts = data.folds(on.rows[: on.labelled])
    for number, fold in enumerate(parts, 1):
        found = fit_without(on, fold)
        sums[fold.judged] = found.sums(on.matrix.rows(fold.judged))
        fits.append((fold, found))
        tell(f"fold {number} of {len(parts)}: {len(fold.judged)} requests judged unseen")
    return sums, fits


def build(on: Ground, calibrated: Calibration) -> bytes:
    """Fit to everything and pack it."""
    found = fit(on.matrix, on.labels, on.weights, on.groups)
    return packing.packed(found, on.matrix, on.weights, calibrated.scale, calibrated.shift)


def weights_from(folder: Path, tell: Tell) -> bytes:
    """Build the shipped weights from a data folder; the same bytes from the same data and libraries."""
    on = ground(data.read(folder))
    tell(f"{on.labelled} labelled requests, {len(on.rows) - on.labelled} of the bank and changed copies")
    sums, _ = left_out(on, tell)
    rows = on.rows[: on.labelled]
    return build(on, calibration(sums, on.labels[: on.labelled], weights_of(rows)))
