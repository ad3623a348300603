"""The window over what all instances counted, and the figures in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.operator.counted import ENDPOINT, attempts, day, endpoint, observations
from tierway_operator.counting import by_model, since, summed, together, without_histograms
from tierway_operator.observe import Window, failures, first_tokens

NOW = 1_000_000.0


def sent(window, now):
    found = window.counts(now).endpoints.get(ENDPOINT)
    return found.attempts if found else 0


class TestWindow:
    """Ten minutes, whatever restarts."""

    def test_an_instance_that_started_inside_the_window_counts_from_zero(self):
        """All that it did is inside."""
        window = Window(began=NOW)
        window.add(observations(started_at=NOW - 60, d2026_11_24=attempts(7)), NOW)
        assert sent(window, NOW) == 7
        assert window.covers(NOW)

    def test_an_older_instance_counts_from_the_first_time_it_was_seen(self):
        """Nobody knows when it did what it did before."""
        window = Window(began=NOW)
        window.add(observations(started_at=NOW - 6000, d2026_11_24=attempts(7)), NOW)
        assert sent(window, NOW) == 0
        assert not window.covers(NOW)
        window.add(observations(started_at=NOW - 6000, d2026_11_24=attempts(9)), NOW + 10)
        assert sent(window, NOW + 10) == 2
        assert window.covers(NOW + 600)

    def test_what_is_older_than_the_window_leaves_it(self):
        """One attempt a second: six hundred in ten minutes, give or take one snapshot's distance."""
        window = Window(began=NOW)
        for second in range(0, 2000, 10):
            window.add(observations(started_at=NOW, d2026_11_24=attempts(second)), NOW + second)
        assert 600 <= sent(window, NOW + 1990) <= 640

    def test_a_vanished_instance_stays_until_its_last_scrape_is_out_of_the_window(self):
        """Its traffic was real."""
        window = Window(began=NOW)
        window.add(observations(started_at=NOW, d2026_11_24=attempts(5)), NOW + 10)
        assert sent(window, NOW + 600) == 5
        assert sent(window, NOW + 620) == 0

    def test_instances_add_up(self):
        """Two proxies and the restart of one are three instances."""
        window = Window(began=NOW)
        for name, count in (("a", 3), ("b", 4), ("c", 5)):
            window.add(observations(name, NOW, d2026_11_24=attempts(count)), NOW + 1)
        assert sent(window, NOW + 1) == 12

    def test_midnight_takes_nothing_away(self):
        """A day that falls out of a proxy's counters makes no negative traffic."""
        window = Window(began=NOW)
        window.add(observations(started_at=NOW - 1, d2026_11_23=attempts(100), d2026_11_24=attempts(2)), NOW)
        window.add(observations(started_at=NOW - 1, d2026_11_24=attempts(6)), NOW + 60)
        assert sent(window, NOW + 60) == 6


class TestFirstTokens:
    """Percentiles with attempts that were cut."""

    def test_without_samples_there_is_nothing_to_tell(self):
        """Absent, never zero."""
        assert first_tokens(endpoint(), ()) is None

    def test_percentiles_are_within_two_percent_of_a_sample(self):
        """Nearest rank, from logarithmic buckets."""
        found = first_tokens(endpoint(ttft=tuple(range(1, 101))), ())
        assert found.p50 == pytest.approx(50, rel=0.021)
        assert found.p95 == pytest.approx(95, rel=0.021)
        assert found.p99 == pytest.approx(99, rel=0.021)
        assert (found.censored_percent, found.p95_at_least) == (0, None)

    def test_a_cut_attempt_ranks_above_every_finite_one(self):
        """A cut at 160 ms outranks a first token at 900 ms that had a longer limit."""
        found = first_tokens(endpoint(ttft=(100.0,) * 9 + (900.0,), cut=(160.4,)), (160,))
        assert found.p50 == pytest.approx(100, rel=0.021)
        assert found.p95 is None
        assert found.p95_at_least == 160
        assert found.censored_percent == 9

    def test_few_cuts_leave_the_percentile_finite(self):
        """One in a hundred is not the 95th percentile."""
        found = first_tokens(endpoint(ttft=(100.0,) * 99, cut=(160.0,)), (160,))
        assert (found.p95, found.p95_at_least) == (found.p50, None)
        assert found.p99 is not None
        assert found.censored_percent == 1

    def test_a_cut_is_told_by_the_limit_that_it_was_cut_at(self):
        """Of two models' limits the one that fits the time of the cut; none fits: at least the bucket's edge."""
        assert first_tokens(endpoint(cut=(131.0,)), (160, 130)).p95_at_least == 130
        assert first_tokens(endpoint(cut=(162.0,)), (160, 130)).p95_at_least == 160
        edge = first_tokens(endpoint(cut=(500.0,)), (160,)).p95_at_least
        assert 475 < edge <= 500

    @given(st.lists(st.floats(1, 1e5), max_size=50), st.lists(st.floats(1, 1e5), max_size=20))
    def test_cutting_more_never_lowers_a_percentile(self, finite, cut):
        """An attempt that was cut is never good news."""
        without, with_cuts = (
            first_tokens(endpoint(ttft=tuple(finite)), ()),
            first_tokens(endpoint(ttft=tuple(finite), cut=tuple(cut)), ()),
        )
        for name in ("p50", "p95", "p99"):
            before = getattr(without, name, None) if without else None
            after = getattr(with_cuts, name, None) if with_cuts else None
            assert after is None or (before is not None and after >= before)


class TestSums:
    """Adding what was counted apart."""

    def test_a_model_is_the_sum_over_its_providers_even_when_its_name_has_slashes(self):
        """`namespace/tier/org/model/provider`."""
        found = by_model(
            day({"llm/cheap/org/m/us": attempts(2), "llm/cheap/org/m/eu": attempts(3), "llm/dear/m/us": attempts(5)})
        )
        assert found["llm/cheap"]["org/m"].attempts == 5
        assert found["llm/dear"]["m"].attempts == 5

    def test_histograms_add_by_bucket(self):
        """Percentiles of a sum come from the sum of the counts."""
        both = summed((endpoint(ttft=(100.0,)), endpoint(ttft=(100.0, 300.0))))
        assert sum(both.ttft["1K"].values()) == 3
        assert both.attempts == 3

    def test_a_day_without_histograms_keeps_every_total(self):
        """What is kept for each instance is small."""
        full = endpoint(ttft=(1.0, 2.0), cost=5, output_tokens=6)
        bare = without_histograms(day(full)).endpoints[ENDPOINT]
        assert bare == full.model_copy(update={"ttft": {}, "censored": {}})

    def test_a_difference_is_never_negative(self):
        """Counters only grow; whatever is smaller than before is no traffic."""
        assert since({"a": 5, "b": {1: 2, 2: 7}}, {"a": 9, "b": {1: 1}}) == {"a": 0, "b": {1: 1, 2: 7}}

    def test_the_sum_of_nothing_is_an_empty_day(self):
        """No instance, no counts."""
        assert together(()) == day()

    def test_a_client_that_left_is_nobodys_failure(self):
        """Nor is a request that the provider rightly refused."""
        errors = {"ClientLeft": 5, "RequestFault": 2, "Unavailable": 1, "SlowFirstToken": 2}
        assert failures(endpoint(errors=errors)) == 3
