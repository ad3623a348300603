"""Histograms whose percentiles are within 2% of a sample, and which add up."""

from fractions import Fraction
from math import ceil

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tierway_proxy.contract.histogram import bucket, merged, middle, quantile

VALUES = st.floats(1.0, 1e9)
SAMPLES = st.lists(VALUES, min_size=1, max_size=200)
PERCENTS = st.sampled_from([1, 5, 50, 90, 95, 99, 100])


def histogram(values):
    found = {}
    for value in values:
        found[bucket(value)] = found.get(bucket(value), 0) + 1
    return found


@given(VALUES)
@example(1.0)
@example(1.04)
@example(1e9)
def test_a_bucket_stands_for_its_values_within_two_percent(value):
    """That is the promise of every percentile."""
    assert abs(middle(bucket(value)) - value) <= 0.02 * value * (1 + 1e-9)


@given(SAMPLES, PERCENTS)
@example([float(at) for at in range(1, 141)], 5)
@example([float(at) for at in range(1, 101)], 95)
def test_a_percentile_is_within_two_percent_of_the_sample_at_its_rank(values, percent):
    """Nearest rank, exactly: not the one beside it."""
    rank = max(1, ceil(Fraction(percent, 100) * len(values)))
    sample = sorted(values)[rank - 1]
    assert quantile(histogram(values), percent / 100) == pytest.approx(sample, rel=0.02 + 1e-9)


@given(st.lists(SAMPLES, max_size=4))
def test_merging_is_counting_together(parts):
    """Whoever counted what."""
    assert merged(map(histogram, parts)) == histogram(value for part in parts for value in part)


@given(SAMPLES, SAMPLES)
def test_merging_changes_neither_part(left, right):
    """They are still being counted into."""
    one, other = histogram(left), histogram(right)
    merged([one, other])
    assert (one, other) == (histogram(left), histogram(right))


@given(VALUES, VALUES)
def test_a_larger_value_is_in_no_lower_bucket(one, other):
    """Order is kept."""
    low, high = sorted((one, other))
    assert bucket(low) <= bucket(high)
    assert middle(bucket(low)) <= middle(bucket(high))


@pytest.mark.parametrize("value", [0.0, 0.001, 0.9, 1.0])
def test_everything_up_to_one_is_one(value):
    """Less than a millisecond is no latency to speak of."""
    assert bucket(value) == 0
    assert middle(0) == 1.0


def test_without_samples_there_is_no_percentile():
    """Absent, never zero."""
    assert quantile({}, 0.95) is None


def test_the_lowest_and_the_highest():
    """Shares of nothing and of all."""
    found = histogram([10.0, 20.0, 30.0])
    assert quantile(found, 0.0) == pytest.approx(10, rel=0.02)
    assert quantile(found, 1.0) == pytest.approx(30, rel=0.02)
