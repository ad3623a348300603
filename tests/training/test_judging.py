"""Figures of hand-computed cases."""

import math

import numpy as np
import pytest

from training.judging import auroc, calibrated, classes, evened, figures, interval, macro_f1

LABELS = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2])
FOUND = np.array([0, 0, 2, 1, 0, 2, 2, 1, 0])
ODDS = np.array([[0.8, 0.1, 0.1], [0.5, 0.4, 0.1], [0.3, 0.3, 0.4], [0.2, 0.2, 0.6]])


def spread(said):
    """Probabilities of Complex as rows of probabilities."""
    return np.array([[1 - each, 0.0, each] for each in said])


def test_rates_are_shares_of_the_labels_they_are_about():
    """Two of four Complex requests went below Complex, one of them to Simple; one of five others went to Complex."""
    found = figures(LABELS, spread([0.1] * 9), FOUND)
    assert (found.under, found.severe_under) == (0.5, 0.25)
    assert (found.over, found.severe_over) == (pytest.approx(0.2), pytest.approx(1 / 3))
    assert found.confusion.tolist() == [[2, 0, 1], [1, 1, 0], [1, 1, 2]]
    assert found.requests == 9


def test_macro_f1_is_the_mean_over_the_three_classes():
    """F1 of Simple is 4/7, of Moderate 2/4, of Complex 4/7."""
    assert macro_f1(LABELS, FOUND) == pytest.approx((4 / 7 + 1 / 2 + 4 / 7) / 3)
    found = figures(LABELS, spread([0.1] * 9), FOUND)
    assert found.recall == pytest.approx((2 / 3, 1 / 2, 1 / 2))
    assert found.precision == pytest.approx((2 / 4, 1 / 2, 2 / 3))


def test_a_class_that_does_not_occur_counts_nothing():
    """Only Simple occurs and is found: one of three classes is perfect."""
    assert macro_f1(np.zeros(4), np.zeros(4)) == pytest.approx(1 / 3)
    assert math.isnan(figures(np.zeros(4), spread([0.1] * 4), np.zeros(4)).under)


def test_auroc_counts_pairs_and_halves_ties():
    """Of six pairs four are in order and one is a tie."""
    assert auroc(np.array([True, True, False, False, False]), np.array([0.9, 0.4, 0.4, 0.6, 0.1])) == pytest.approx(
        4.5 / 6
    )
    assert math.isnan(auroc(np.array([True]), np.array([0.5])))


def test_weights_count_requests_as_often_as_they_weigh():
    """A request of weight two is two requests."""
    weights = np.array([2.0, *[1.0] * 8])
    twice = figures(np.r_[0, LABELS], spread([0.1] * 10), np.r_[0, FOUND])
    assert figures(LABELS, spread([0.1] * 9), FOUND, weights).macro_f1 == pytest.approx(twice.macro_f1)


def test_boundaries_are_on_being_more_than_simple_and_on_complex():
    """Complex from its own boundary on, else Moderate from the other one on, and nearer than the margin counts."""
    assert classes(ODDS, (0.5, 0.5)).tolist() == [0, 1, 1, 2]
    assert classes(ODDS, (0.6, 0.5)).tolist() == [0, 0, 1, 2]
    assert classes(ODDS, (0.6, 0.5), margin=0.11).tolist() == [0, 1, 2, 2]


def test_calibration_compares_what_was_said_with_what_was_seen():
    """Halves: said .1 and .9 on average, seen none of two and one of two."""
    true, said = np.array([False, False, True, False]), np.array([0.05, 0.15, 0.85, 0.95])
    assert calibrated(true, said, parts=2) == [(pytest.approx(0.1), 0.0), (pytest.approx(0.9), 0.5)]


def test_an_interval_is_over_groups_of_rows():
    """A hundred rows of two groups are no surer than two rows; rows of groups of their own are."""
    hits = np.array([1.0] * 50 + [0.0] * 50)
    assert interval(lambda at: hits[at].mean(), ["a"] * 50 + ["b"] * 50) == (0.0, 1.0)
    low, high = interval(lambda at: hits[at].mean(), list(range(100)))
    assert 0.35 < low < 0.45
    assert 0.55 < high < 0.65


def test_evened_kinds_have_every_class_as_often_as_the_others():
    """Of a kind with all classes each class weighs the same; a kind that lacks one weighs nothing."""
    cells = [("a", 0), ("a", 0), ("a", 1), ("a", 2), ("b", 0), ("b", 1)]
    assert evened(cells).tolist() == [2.0, 2.0, 4.0, 4.0, 0.0, 0.0]
