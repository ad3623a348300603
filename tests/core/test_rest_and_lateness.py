"""Endpoints that asked to be left alone, and endpoints that miss their limit: moved to the end, and brought back."""

from tests.core.script import START, Life
from tests.core.tables import model
from tests.core.wire import text
from tierway_proxy.core.health import (
    LATE_TO_DEMOTE,
    LATE_TRIAL_SECONDS,
    LATENESS_WINDOW,
    LONGEST_REST_SECONDS,
    Health,
)

KEY, PROVIDER = "llm/a/a/p", "llm/a/p"


def attempt(health, now):
    health.began(KEY, PROVIDER, now)
    health.ended(PROVIDER)


class TestRest:
    """After 429 an endpoint is left alone for as long as it asked."""

    def test_it_rests_for_the_seconds_that_it_named(self):
        """From the first such answer on."""
        health = Health()
        health.failed(KEY, 10.0, retry_after=7.0)
        assert health.unfit(KEY, 16.5) == "rate limited for 0.5 s more"
        assert health.unfit(KEY, 17.0) is None

    def test_it_rests_no_longer_than_a_limit(self):
        """Nobody disappears for a day."""
        health = Health()
        health.failed(KEY, 0.0, retry_after=86_400.0)
        assert health.unfit(KEY, LONGEST_REST_SECONDS) is None

    def test_without_a_time_it_does_not_rest(self):
        """One 429 is no reason."""
        health = Health()
        health.failed(KEY, 0.0)
        assert health.unfit(KEY, 0.0) is None


class TestLateness:
    """Missing its limit often moves an endpoint to the end; keeping it brings it back."""

    @staticmethod
    def late(times, on_time=0):
        health = Health()
        for at in range(times):
            attempt(health, 0.0)
            health.timed(KEY, late=True)
            if at < on_time:
                health.timed(KEY, late=False)
        return health

    def test_a_few_late_ones_change_nothing(self):
        """Too few samples flip nothing."""
        assert self.late(LATE_TO_DEMOTE - 1).unfit(KEY, 0.0) is None

    def test_many_late_ones_demote_it(self):
        """With the figures as reason."""
        reason = self.late(LATE_TO_DEMOTE).unfit(KEY, 0.0)
        assert f"{LATE_TO_DEMOTE} of its last {LATE_TO_DEMOTE}" in reason

    def test_it_is_tried_again_after_a_while_by_one_at_a_time(self):
        """However little traffic there is."""
        health = self.late(LATE_TO_DEMOTE)
        assert health.unfit(KEY, LATE_TRIAL_SECONDS) is None
        attempt(health, LATE_TRIAL_SECONDS)
        assert health.unfit(KEY, LATE_TRIAL_SECONDS)
        assert health.unfit(KEY, LATE_TRIAL_SECONDS * 2) is None

    def test_first_tokens_in_time_bring_it_back(self):
        """The old ones leave the window."""
        health = self.late(LATENESS_WINDOW)
        for _ in range(LATENESS_WINDOW - LATE_TO_DEMOTE + 1):
            assert health.unfit(KEY, 0.0)
            health.timed(KEY, late=False)
        assert health.unfit(KEY, 0.0) is None

    def test_a_late_first_token_that_nobody_cut_counts_too(self):
        """The last candidate is not cut, but its lateness is seen."""
        health = Health()
        for _ in range(LATE_TO_DEMOTE):
            Life(model("a", ttft=250), health=health).start().wait(0.5).answers()
        assert "missed their limit" in health.unfit(KEY, START)

    def test_first_tokens_in_time_are_not_late(self):
        """At the limit is within it."""
        health = Health()
        for _ in range(20):
            Life(model("a", ttft=250), health=health).start().head().wait(0.25).says(text("Hi")).client_leaves()
        assert health.unfit(KEY, START) is None

    def test_an_endpoint_without_a_limit_is_never_late(self):
        """There is nothing to miss."""
        health = Health()
        for _ in range(20):
            Life("a", health=health).start().wait(20).answers()
        assert health.unfit(KEY, START) is None
