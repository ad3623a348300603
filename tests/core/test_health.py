"""What is remembered of endpoints: breakers, rests, lateness. Times are plain numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.script import START, Life
from tests.core.tables import model
from tests.core.wire import ROLE, text
from tierway_proxy.core import outcome
from tierway_proxy.core.health import (
    FAILURES_TO_OPEN,
    FIRST_OPEN_SECONDS,
    LONGEST_OPEN_SECONDS,
    LONGEST_REST_SECONDS,
    Breaker,
    Health,
)

KEY, PROVIDER = "llm/a/a/p", "llm/a/p"


def failing(times=FAILURES_TO_OPEN, now=0.0):
    health = Health()
    for _ in range(times):
        health.failed(KEY, now)
    return health


def attempt(health, now):
    health.began(KEY, PROVIDER, now)
    health.ended(PROVIDER)


class TestBreaker:
    """Failures in a row open it; one trial at a time closes it."""

    def test_an_endpoint_that_was_never_tried_is_fit(self):
        """Nothing speaks against it."""
        assert Health().unfit(KEY, 0.0) is None

    def test_it_opens_after_failures_in_a_row(self):
        """Not before."""
        assert failing(FAILURES_TO_OPEN - 1).unfit(KEY, 0.0) is None
        assert failing(FAILURES_TO_OPEN).unfit(KEY, 0.0)
        assert failing(FAILURES_TO_OPEN).open_breakers() == (KEY,)

    def test_an_answer_in_between_begins_the_count_anew(self):
        """In a row means in a row."""
        health = failing(FAILURES_TO_OPEN - 1)
        health.answered(KEY)
        health.failed(KEY, 0.0)
        assert health.unfit(KEY, 0.0) is None

    def test_it_is_tried_again_after_a_while(self):
        """By a request that comes then, whoever's."""
        health = failing()
        assert health.unfit(KEY, FIRST_OPEN_SECONDS - 0.01)
        assert health.unfit(KEY, FIRST_OPEN_SECONDS) is None

    def test_one_request_at_a_time_tries_it(self):
        """The others pass it by until it is known."""
        health = failing()
        health.began(KEY, PROVIDER, FIRST_OPEN_SECONDS)
        assert health.unfit(KEY, FIRST_OPEN_SECONDS)
        assert health.unfit(KEY, FIRST_OPEN_SECONDS * 2 - 0.01)

    def test_a_trial_that_never_ends_does_not_keep_it_closed_for_ever(self):
        """The next one comes as long after as this one had waited."""
        health = failing()
        health.began(KEY, PROVIDER, FIRST_OPEN_SECONDS)
        assert health.unfit(KEY, FIRST_OPEN_SECONDS * 2) is None

    def test_a_trial_that_is_answered_closes_it(self):
        """At once, for all."""
        health = failing()
        attempt(health, FIRST_OPEN_SECONDS)
        health.answered(KEY)
        assert health.unfit(KEY, FIRST_OPEN_SECONDS) is None
        assert health.open_breakers() == ()

    def test_a_trial_whose_reader_leaves_in_the_middle_closes_it_too(self):
        """It was good for as long as anybody looked."""
        health = failing(now=START - FIRST_OPEN_SECONDS)
        Life("a", "b", health=health).start().head().says(text("Hel")).client_leaves()
        assert health.open_breakers() == ()

    def test_a_trial_that_fails_doubles_the_wait_up_to_a_limit(self):
        """A dead endpoint costs less and less."""
        health, now, waits = failing(), 0.0, []
        for _ in range(8):
            wait = next(tenth / 10 for tenth in range(1, 1000) if health.unfit(KEY, now + tenth / 10) is None)
            waits.append(wait)
            now += wait
            attempt(health, now)
            health.failed(KEY, now)
        assert waits[:4] == pytest.approx([2.0, 4.0, 8.0, 16.0], abs=0.11)
        assert waits[-1] == pytest.approx(LONGEST_OPEN_SECONDS, abs=0.11)

    def test_after_a_recovery_the_wait_begins_short_again(self):
        """The past is forgiven."""
        health = failing(FAILURES_TO_OPEN + 4)
        health.answered(KEY)
        for _ in range(FAILURES_TO_OPEN):
            health.failed(KEY, 100.0)
        assert health.unfit(KEY, 100.0 + FIRST_OPEN_SECONDS - 0.01)
        assert health.unfit(KEY, 100.0 + FIRST_OPEN_SECONDS) is None

    def test_its_reason_says_when_it_is_tried_again(self):
        """For who asks why a model was passed over."""
        assert failing(now=100.0).unfit(KEY, 101.5) == "5 failures in a row; tried again in 0.5 s"

    def test_it_recovers_with_one_request_a_minute(self):
        """A low share of traffic does not starve it."""
        health = failing()
        assert health.unfit(KEY, 60.0) is None
        attempt(health, 60.0)
        health.answered(KEY)
        assert health.unfit(KEY, 60.0) is None

    def test_it_recovers_behind_a_candidate_that_always_answers(self):
        """A request comes back to it when its time has come, although nobody fails."""
        health = failing(now=START)
        life = Life("a", "b", health=health)
        assert [each.model for each in life.plan.candidates] == ["b", "a"]
        health = failing(now=START - FIRST_OPEN_SECONDS)
        life = Life("a", "b", health=health).start()
        assert life.tried == ["a"]
        assert Life("a", "b", health=health).start().tried == ["b"]
        life.answers()
        assert Life("a", "b", health=health).start().tried == ["a"]

    def test_the_request_that_opens_a_breaker_is_still_answered(self):
        """By the next candidate: it must not get the error."""
        health = failing(FAILURES_TO_OPEN - 1)
        life = Life("a", "b", health=health, delay_ms=0).start().refuses(500)
        assert health.open_breakers() == (KEY,)
        assert life.answers().settled.outcome == "Answered"

    def test_whoever_listens_hears_of_its_opening_and_closing_once_each(self):
        """With the reason, until when, and since when; not of each failure, nor of each trial that fails."""
        heard = []
        health = Health(heard.append)
        for number in range(FAILURES_TO_OPEN + 3):
            health.failed(KEY, float(number), reason=f"Reason{number}")
        opened = Breaker(KEY, is_open=True, opened_at=4.0, reason="Reason4", seconds=FIRST_OPEN_SECONDS)
        assert heard == [opened]
        health.answered(KEY)
        health.answered(KEY)
        assert heard == [opened, Breaker(KEY, is_open=False, opened_at=4.0)]

    @pytest.mark.parametrize("cut", [False, True], ids=["refused", "cut"])
    def test_its_reason_is_what_the_last_attempt_died_of(self, cut):
        """As the log of a request says it."""
        heard = []
        health = Health(heard.append)
        for _ in range(FAILURES_TO_OPEN):
            life = Life("a", health=health).start()
            _ = life.head().says(ROLE, text("Hel")).lost(outcome.LOST) if cut else life.refuses(500)
        assert [each.reason for each in heard] == ["ConnectionLost" if cut else "ServerError"]


COUNTED = [
    lambda life: life.refuses(500),
    lambda life: life.refuses(503),
    lambda life: life.refuses(429),
    lambda life: life.refuses(401),
    lambda life: life.lost(outcome.REFUSED),
    lambda life: life.lost(outcome.LOST),
    lambda life: life.head().end(),
    lambda life: life.wait(30),
]


class TestFailures:
    """What counts against an endpoint, and what does not."""

    @pytest.mark.parametrize("fail", COUNTED, ids=["500", "503", "429", "401", "refused", "lost", "empty", "504"])
    def test_it_counts(self, fail):
        """Each of these in a row opens the breaker."""
        health = Health()
        for _ in range(FAILURES_TO_OPEN):
            fail(Life("a", health=health).start())
        assert health.open_breakers() == (KEY,)

    def test_slowness_alone_never_opens_a_breaker(self):
        """Slow is not broken: it is demoted, not killed."""
        health = Health()
        for _ in range(50):
            Life(model("a", ttft=250), "b", health=health).start().wait(0.25).answers()
        assert health.open_breakers() == ()


def test_requests_under_way_are_counted_by_provider():
    """Up when sent, down when over, never below none."""
    health = Health()
    health.began(KEY, PROVIDER, 0.0)
    health.began("llm/a/other/p", PROVIDER, 0.0)
    assert health.under_way(PROVIDER) == 2
    for left in (1, 0, 0):
        health.ended(PROVIDER)
        assert health.under_way(PROVIDER) == left


def test_endpoints_that_no_table_names_are_forgotten():
    """So that memory stays flat; the others keep what is known of them."""
    health = failing()
    health.failed("llm/old/old/p", 0.0)
    health.refuse_parameter("llm/old/old/p", "stream_options")
    health.keep(frozenset({KEY}))
    assert health.refused_parameters("llm/old/old/p") == frozenset()
    assert health.unfit(KEY, 0.0)


@given(st.lists(st.tuples(st.sampled_from(["fail", "rest", "late", "answer", "begin"]), st.floats(0, 20)), max_size=40))
def test_no_history_keeps_an_endpoint_away_for_more_than_a_minute(history):
    """Whatever happened, there comes a time when it is tried again."""
    health, now = Health(), 0.0
    for what, later in history:
        now += later
        {
            "fail": lambda: health.failed(KEY, now),  # noqa: B023 - called at once
            "rest": lambda: health.failed(KEY, now, retry_after=1000.0),  # noqa: B023
            "late": lambda: health.timed(KEY, late=True),
            "answer": lambda: health.answered(KEY),
            "begin": lambda: attempt(health, now),  # noqa: B023
        }[what]()
    assert health.unfit(KEY, now + LONGEST_REST_SECONDS) is None
