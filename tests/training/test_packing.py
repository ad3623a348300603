"""What is packed is what a proxy reads: weights within half a step, and the same probabilities but for that."""

import numpy as np
import pytest

from tierway_proxy.core.classify.general import unpack
from tierway_proxy.core.classify.judge import Judge, judged
from tierway_proxy.core.classify.structure import NAMES
from training.data import Row
from training.fitting import fit
from training.matrix import matrix, seen
from training.packing import BY_HAND, packed

TEXTS = {
    0: ("translate the word house", "translate the word garden", "what is the capital of Peru?"),
    1: ("explain how a heap works", "explain how a market works", "write a letter to a friend"),
    2: ("prove that the sum converges", "prove that the graph is planar", "design a scheduler and prove it is fair"),
}
ROWS = [
    Row("mixed", f"{label}{at}", "toy", "en", "toy", "MIT", label, {"messages": [{"role": "user", "content": text}]})
    for label, texts in TEXTS.items()
    for at, text in enumerate(texts)
]
SCALE, SHIFT = np.array([0.5, 2.0]), np.array([0.25, -1.0])


@pytest.fixture(scope="module")
def data():
    return matrix([seen(row) for row in ROWS])


@pytest.fixture(scope="module")
def found(data):
    labels = np.array([row.label for row in ROWS])
    return fit(data, labels, np.ones(len(ROWS)) / len(ROWS), np.arange(len(ROWS)))


@pytest.fixture(scope="module")
def read(data, found):
    return unpack(packed(found, data, np.ones(len(ROWS)), SCALE, SHIFT))


def both(pairs):
    return np.array([[pair.real, pair.imag] for pair in pairs])


def test_a_toy_is_learned(data, found):
    """Words that are in several requests of one class alone tell the classes apart."""
    more, most = found.sums(data).T
    assert more[:3].max() < more[3:].min()
    assert most[:6].max() < most[6:].min()


def test_weights_of_words_are_within_half_a_step(data, found, read):
    """Each word of the fit is found by its hash, with its calibrated weights but for rounding."""
    assert set(read.words) == set(data.keys[found.columns].tolist())
    kept = both(read.words[key] for key in data.keys[found.columns].tolist()) * read.step
    assert np.abs(kept - found.words * SCALE).max() <= read.step / 2 * 1.001
    assert read.step == pytest.approx(np.abs(found.words * SCALE).max() / 127)


def test_weights_of_figures_are_within_half_a_step(found, read):
    """The same for figures of structure, whose step is their own, and for those weighed by hand; the bias is exact."""
    wanted = found.figures * SCALE
    for name, weights in BY_HAND.items():
        wanted[NAMES.index(name)] = weights
    assert np.abs(both(read.figures) - wanted).max() <= np.abs(wanted).max() / 127 / 2 * 1.001
    assert both([read.bias])[0] == pytest.approx(found.bias * SCALE + SHIFT)


def test_a_proxy_computes_the_sums_of_the_fit(data, found, read):
    """But for what a signed byte loses."""
    by = Judge(read, read.bias, read.figures)
    sums = np.array([judged(by, seen(row)).sums for row in ROWS])
    assert sums == pytest.approx(found.sums(data) * SCALE + SHIFT, abs=0.25)


def test_the_name_changes_with_the_weights(data, found, read):
    """The same fit gives the same bytes; another calibration another name."""
    again = packed(found, data, np.ones(len(ROWS)), SCALE, SHIFT)
    other = packed(found, data, np.ones(len(ROWS)), SCALE, SHIFT + 1)
    assert unpack(again).name == read.name
    assert unpack(other).name != read.name
