"""A fit as the file that is shipped: weights as signed bytes, words by the gaps between their sorted hashes."""

import zlib
from typing import Final

import numpy as np

from tierway_proxy.core.classify.general import HEAD, MAGIC
from tierway_proxy.core.classify.structure import NAMES
from training.fitting import Fit
from training.matrix import STRUCTURE, Matrix

BY_HAND: Final = {"reasoning": (2.5, 2.0), "brief": (-1.0, -0.5)}
"""Weights of explicit directives, which no labelled data has: who pays for reasoning does not get the cheapest tier,
and who allows a sentence wants a label or a figure."""
_MOST: Final = 127
_COMPRESSION: Final = 9


def packed(fit: Fit, data: Matrix, weights: np.ndarray, scale: np.ndarray, shift: np.ndarray) -> bytes:
    """Pack a fit whose sums are calibrated by `scale` and `shift`, (2,) each: sum * scale + shift.

    What is usual is taken from the rows of the matrix by their weights.
    """
    figures, words = fit.figures * scale, fit.words * scale
    for name, weight in BY_HAND.items():
        figures[NAMES.index(name)] = weight
    keys, words = _distinct(data.keys[fit.columns], words)
    steps = np.abs(figures).max() / _MOST, np.abs(words).max() / _MOST
    share = (weights / weights.sum())[:, None]
    usual = (share * data.figures).sum(axis=0)
    usual_words = (share * (data.known(fit.columns) @ fit.words * scale)).sum(axis=0)
    head = HEAD.pack(MAGIC, STRUCTURE, len(keys), *(fit.bias * scale + shift), *usual_words, *steps)
    body = b"".join(
        [
            _signed(figures / steps[0]),
            np.round(usual.clip(0, 1) * 255).astype(np.uint8).tobytes(),
            _gaps(keys),
            _signed(words / steps[1]),
        ]
    )
    return head + zlib.compress(body, _COMPRESSION)


def _distinct(keys: np.ndarray, words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sort by hash; of words that share one, keep the one that weighs most."""
    order = np.lexsort((-np.abs(words).max(axis=1), keys))
    keys, words = keys[order], words[order]
    first = np.r_[True, keys[1:] != keys[:-1]]
    return keys[first], words[first]


def _signed(weights: np.ndarray) -> bytes:
    return np.round(weights).clip(-_MOST, _MOST).astype(np.int8).T.tobytes()


def _gaps(keys: np.ndarray) -> bytes:
    """Give the low bytes of all gaps, then the middle ones, then the high ones: like packs well with like."""
    gaps = np.diff(keys, prepend=0).astype("<u4")
    return gaps.view(np.uint8).reshape(-1, 4)[:, :3].T.tobytes()
