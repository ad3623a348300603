"""Figures come with their intervals, and lines are drawn where they were wanted."""

import numpy as np
import pytest

from tests.cli.own_model.application import labels, prompt, texts
from tierway_cli.own_model import study as studying
from tierway_cli.own_model.boundaries import Evidence, evidence, for_complex_share, for_under_routing
from tierway_cli.own_model.choosing import choose, flattened
from tierway_cli.own_model.judging import figures, share
from tierway_cli.own_model.study import study

CERTAIN = {"Simple": (-9, -9), "Moderate": (9, -9), "Complex": (9, 9)}


def sums(*said):
    return np.array([CERTAIN[klass] for klass in said], dtype=np.float64)


def test_figures_count_what_was_judged_too_low_and_too_high():
    """Two of three Complex are, one of three others is."""
    told = ["Simple", "Moderate", "Moderate", "Complex", "Complex", "Complex"]
    found = figures(sums("Simple", "Moderate", "Complex", "Complex", "Simple", "Moderate"), told)
    assert (found.under.value, found.under.of) == (pytest.approx(2 / 3), 3)
    assert (found.over.value, found.over.of) == (pytest.approx(1 / 3), 3)
    assert found.accuracy.value == pytest.approx(1 / 2)
    assert found.macro_f1.low < found.macro_f1.value < found.macro_f1.high


def test_an_interval_is_wilsons():
    """Known values: of nothing all is possible, 0 of 10 may be up to 28%."""
    assert share(0, 0).high == 1
    assert share(0, 10).high == pytest.approx(0.2775, abs=1e-3)
    assert (share(5, 10).low, share(5, 10).high) == (pytest.approx(0.2366, abs=1e-3), pytest.approx(0.7634, abs=1e-3))


def test_a_line_is_drawn_for_a_wanted_share_of_complex():
    """Of a hundred even probabilities, fifteen are from 85 percent on."""
    said = np.arange(100) / 100 + 0.005
    known = Evidence(said, said, np.ones(100))
    assert for_complex_share(known, 0.15).complex_percent == 85
    assert known.complex_share(0.85) == 0.15


def test_a_line_is_drawn_for_a_wanted_share_of_complex_judged_too_low():
    """Of ten Complex ones at 5, 15 … 95 percent, two lie below a line between 15 and 25."""
    said = np.arange(10) / 10 + 0.05
    known = Evidence(said, np.ones(10), np.ones(10))
    assert 15 < for_under_routing(known, 0.2).complex_percent <= 25
    assert known.under_routing(0.2) == pytest.approx(0.2)


def test_labels_count_as_what_a_fit_that_did_not_see_them_said():
    """A labelled prompt of the pool is not counted by what the fitted model says of it."""
    known = evidence(sums("Complex", "Simple", "Complex"), [0], sums("Simple"), ["Complex"])
    assert known.truth[-1] == 1
    assert known.said[-1] < 0.01
    assert len(known.said) == 3


def test_a_label_counts_less_than_a_prompt_that_nobody_was_asked_about():
    """It was asked about because it was hard: of one label judged too low and one prompt judged right, a fifth."""
    known = evidence(sums("Complex", "Complex"), [0], sums("Simple"), ["Complex"])
    assert known.under_routing(0.5) == pytest.approx(0.2, abs=1e-3)
    assert known.complex_share(0.5) == 0.5


def test_the_first_choices_are_one_of_each_kind():
    """What tells most about the others is not a second one of the same kind."""
    told = sorted(labels(60), key=lambda label: label.klass)
    known = study([], told)
    kinds = [told[row].klass for row in choose(known.space, [], [], (), 3)]
    assert set(kinds) == {"Simple", "Moderate", "Complex"}


def test_what_is_labelled_or_skipped_is_not_chosen():
    """And when nothing else is left, nothing is."""
    known = study([], labels(6))
    assert set(choose(known.space, [0, 1], ["Simple", "Moderate"], [2], 9)) == {3, 4, 5}
    assert choose(known.space, [0, 1, 2], ["Simple"] * 3, [3, 4, 5]) == []


def test_the_gain_has_flattened_when_the_last_labels_changed_hardly_anything():
    """But not before there are thirty, and not while nobody knows."""
    assert flattened(30, 0.01)
    assert not flattened(29, 0.01)
    assert not flattened(30, 0.05)
    assert not flattened(30, None)


def test_more_prompts_and_labels_than_can_be_weighed_are_sampled(monkeypatch):
    """So that a large file is no reason to wait; which ones does not depend on their order."""
    monkeypatch.setattr(studying, "MOST_LABELS", 6)
    monkeypatch.setattr(studying, "MOST_PROMPTS", 4)
    told, others = labels(9), [prompt(text) for _, text in texts(30)]
    known = study(others, told)
    assert len(known.at) == 6
    assert len(known.ids) == 10
    assert set(study(others[::-1], told[::-1]).ids) == set(known.ids)
