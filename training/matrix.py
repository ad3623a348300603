"""Requests as a matrix: the very features that a proxy computes, one row a request.

Columns are the figures of structure, then one for each hash of a word. The words of one place are scaled to length one
together, over those that the weights know, as `general_sums` does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import sparse

from tierway_proxy.core.classify.examine import examine
from tierway_proxy.core.classify.features import Features, features
from tierway_proxy.core.classify.structure import NAMES
from tierway_proxy.core.classify.wording import PLACES
from training.data import Row

STRUCTURE: Final = len(NAMES)


@dataclass(frozen=True)
class Matrix:
    """`figures` (requests, STRUCTURE); `words` (requests, hashes) of ones.

    `keys` are the hashes of the columns of `words`, `places` where those stand.
    """

    figures: np.ndarray
    words: sparse.csr_matrix
    keys: np.ndarray
    places: np.ndarray

    def known(self, columns: np.ndarray) -> sparse.csr_matrix:
        """Words of these columns alone, those of each place scaled to length one."""
        words = self.words[:, columns].tocsr()
        places = self.places[columns][words.indices]
        row = np.repeat(np.arange(words.shape[0]), np.diff(words.indptr))
        found = np.zeros((words.shape[0], len(PLACES)), np.float32)
        np.add.at(found, (row, places), 1)
        words.data = 1 / np.sqrt(found[row, places])
        return words

    def rows(self, at: Sequence[int]) -> "Matrix":
        """Give some of the requests alone."""
        return Matrix(self.figures[at], self.words[at], self.keys, self.places)

    def spread(self, groups: np.ndarray) -> np.ndarray:
        """In how many groups of rows each word occurs; a row of a negative group counts nowhere."""
        there = np.flatnonzero(groups >= 0)
        by_group = sparse.csr_matrix(
            (np.ones(len(there), np.float32), (groups[there], there)), (groups.max() + 1, len(groups))
        )
        together = (by_group @ self.words).tocsr()
        return np.bincount(together.indices, minlength=self.words.shape[1])


def seen(row: Row) -> Features:
    """Measure one request."""
    return features(row.request, examine(row.request))


def matrix(measured: Sequence[Features]) -> Matrix:
    """Build the matrix of all of them."""
    column: dict[tuple[int, int], int] = {}
    indices, ends = [], [0]
    for each in measured:
        for place, (_, keys) in enumerate(each.groups):
            indices += [column.setdefault((place, key), len(column)) for key in keys]
        ends.append(len(indices))
    names = np.array(list(column), np.int64).reshape(-1, 2)
    ones = np.ones(len(indices), np.float32)
    words = sparse.csr_matrix((ones, indices, ends), (len(measured), len(column)))
    figures = np.array([each.structure for each in measured], np.float32)
    return Matrix(figures, words, names[:, 1], names[:, 0])
