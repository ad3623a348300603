"""The space in which prompts of one application are near or far, and in which its layer is a straight line.

Words and figures of structure are centred on the application's own prompts, labelled or not, so that what all of them
share counts nothing; and directions in which its prompts differ much count more than those in which they differ little,
because kinds of requests differ in many words at once. Every line in this space is a line over the raw figures, which
is all that a proxy can compute. Found by trial on applications that the general model never saw: docs/own-model.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tierway_cli.own_model.looks import Look
from tierway_proxy.contract.own_model import WORDS

Matrix = NDArray[np.float64]

SHARE_OF_STRUCTURE: Final = 0.3
"""Of what words say together."""
BIAS: Final = 0.1
"""How far the sums of an application may lie beside the general model's, as variance, where words have one."""
TRUST: Final = 0.007
"""The same for the factor of the general model's sums."""
FAVOUR: Final = 0.3
"""Variances of directions are raised to 1 + FAVOUR."""

_LEAST_DEVIATION: Final = 0.05
"""A figure that hardly differs between the prompts is not blown up."""
_NOTHING: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Space:
    """Prompts by row. `kernel`: how near two of them are; `raw` times `scale` is what `nearness` was made from."""

    sums: Matrix
    raw: Matrix
    mean: Matrix
    scale: Matrix
    spread: Matrix
    kernel: Matrix

    def weights(self, at: NDArray[np.int64], strength: Matrix) -> Matrix:
        """Return the weights of the raw figures (a row each) of a line given by its strength at some prompts."""
        turned = self.spread[:, at] @ strength
        weights: Matrix = ((self.raw - self.mean) * self.scale).T @ turned * self.scale[:, None]
        return weights


def space_of(looks: Sequence[Look]) -> Space:
    """Make the space of an application from how its prompts look; at least one, all with the same figures."""
    sums = np.array([each.sums for each in looks], dtype=np.float64)
    structure = np.array([each.structure for each in looks], dtype=np.float64).reshape(len(looks), -1)
    raw = np.hstack([_words(looks), structure])
    mean = raw.mean(axis=0)
    scale = _scale(raw - mean)
    centred = (raw - mean) * scale
    variances, turn = np.linalg.eigh(centred @ centred.T)
    variances = np.maximum(variances, 0.0)
    favoured = variances ** (1 + FAVOUR)
    level = variances.sum() / max(favoured.sum(), _NOTHING)
    nearness = (turn * (favoured * level)) @ turn.T
    spread = (turn * (variances**FAVOUR * level)) @ turn.T
    return Space(sums, raw, mean, scale, spread, nearness + BIAS + TRUST * (sums @ sums.T))


def _words(looks: Sequence[Look]) -> Matrix:
    words = np.zeros((len(looks), WORDS))
    for row, each in enumerate(looks):
        words[row, list(each.words)] = list(each.words.values())
    return words


def _scale(centred: Matrix) -> Matrix:
    """Scale so that a prompt's words have a length of one on average, its structure the square root of its share."""
    words, structure = centred[:, :WORDS], centred[:, WORDS:]
    of_words = 1 / max(_length(words), _NOTHING) if _length(words) > _NOTHING else 0.0
    even = np.maximum(structure.std(axis=0), _LEAST_DEVIATION) ** -0.5
    length = _length(structure * even)
    of_structure = even * (SHARE_OF_STRUCTURE**0.5 / length if length > _NOTHING else 0.0)
    return np.concatenate([np.full(WORDS, of_words), of_structure])


def _length(rows: Matrix) -> float:
    """Return the root of the mean square of the rows' lengths."""
    return float(np.sqrt((rows**2).sum(axis=1).mean()))
