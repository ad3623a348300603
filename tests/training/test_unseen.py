"""A language that is left out is left out of everything that is fitted to."""

import numpy as np

from training.building import Ground
from training.card_unseen import weights_without
from training.data import Row
from training.matrix import matrix


def row(name, dataset, language):
    return Row(name, dataset, dataset, language, "task", "MIT", 0, {"messages": []})


LABELLED = [row("mixed", "one", "en"), row("mixed", "one", "zh"), row("broad", "two", "en"), row("broad", "one", "en")]
BANK = [row("bank", "zh task", "zh"), row("bank", "en task", "en")]
ROWS = [*LABELLED, *BANK]
"""Then a copy of each."""


def test_rows_lines_copies_and_data_sets_of_a_language_weigh_nothing():
    """A family of data sets with one row of the language is left out whole, whatever set it is in; all else is kept."""
    on = Ground(
        rows=[*ROWS, *ROWS],
        source=np.array([*range(6), *range(6)]),
        labelled=len(LABELLED),
        matrix=matrix([]),
        labels=np.zeros(12),
        groups=np.zeros(12),
        weights=np.arange(1.0, 13.0),
    )
    assert weights_without(on, ("zh", "yue")).tolist() == [0, 0, 3, 0, 0, 6, 0, 0, 9, 0, 0, 12]
