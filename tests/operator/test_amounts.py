"""Money and counts as statuses write them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tierway_operator.amounts import money, per_million, percent, saved_percent, short_count, short_money, timestamp


@pytest.mark.parametrize(
    ("pico", "text"),
    [
        (0, "0.000000"),
        (240_000_000_000, "0.240000"),
        (500_000, "0.000000"),  # half of the last place, and 0 is even
        (1_500_000, "0.000002"),
        (1_499_999, "0.000001"),
        (12_000_000_000_000, "12.000000"),
    ],
)
def test_money_has_six_decimals_and_is_rounded_half_to_even(pico, text):
    """Rounded once, when published."""
    assert money(pico) == text


@given(st.integers(0, 10**20))
def test_money_is_never_off_by_more_than_half_a_micro_dollar(pico):
    """No float on the way."""
    assert abs(Decimal(money(pico)) - Decimal(pico) / 10**12) <= Decimal("0.0000005")


@pytest.mark.parametrize(
    ("pico", "text"),
    [
        (0, "0"),
        (1, "<0.000001"),
        (3_100_000_000, "0.0031"),
        (123_000_000, "0.00012"),
        (240_000_000_000, "0.24"),
        (1_020_000_000_000, "1.02"),
        (1_234_560_000_000_000, "1234.56"),
    ],
)
def test_a_column_shows_cents_or_two_figures(pico, text):
    """A day's first requests cost less than a cent, and are not shown as nothing."""
    assert short_money(pico) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1k"),
        (12_400, "12.4k"),
        (12_499, "12.4k"),
        (999_999, "999k"),
        (3_100_000, "3.1M"),
    ],
)
def test_counts_are_short(number, text):
    """Cut, so that a column never claims more than there was."""
    assert short_count(number) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [(0, 0, None), (0, 9, "0%"), (4, 1000, "0.4%"), (1, 10_000, "<0.1%"), (1, 8, "12%"), (9, 9, "100%"), (1, 50, "2%")],
)
def test_a_share_that_is_there_is_never_shown_as_none(part, whole, text):
    """One decimal below ten percent."""
    assert percent(part, whole) == text


@pytest.mark.parametrize(("cost", "baseline", "saved"), [(19, 100, 81), (0, 0, None), (5, 0, None), (150, 100, -50)])
def test_savings_may_be_negative_and_need_a_baseline(cost, baseline, saved):
    """Abandoned attempts can make a policy dearer than its baseline; that is said."""
    assert saved_percent(cost, baseline) == saved


def test_what_a_million_tokens_cost_in_practice():
    """Cost over tokens; nothing without tokens."""
    assert per_million(5 * 10**11, 2_000_000) == "0.250000"
    assert per_million(5, 0) is None


def test_times_are_written_as_kubernetes_does():
    """UTC, whole seconds."""
    assert timestamp(1_795_521_600.9) == "2026-11-24T12:00:00Z"
