"""What a proxy counts of each request and each of its attempts."""

from tests.core.planning import decided, withdrawn
from tests.core.script import Life
from tests.core.tables import model, price
from tests.core.wire import DONE, JSON, STOP, completion, text
from tierway_proxy.contract.histogram import bucket
from tierway_proxy.contract.table import Baseline, Choice, Route
from tierway_proxy.core import outcome
from tierway_proxy.core.counters import Counters
from tierway_proxy.core.ledger import Settlement, refused
from tierway_proxy.core.refusal import bad_request, no_candidate

TODAY = "2026-11-24"
A = model("a", ttft=250, costs=price(output=10, input=3))
B = model("b", costs=price(output=7, input=5))


def counted(*lives, date=TODAY):
    counters = Counters()
    for life in lives:
        counters.record(life.settled, date)
    return counters.days()[date]


def endpoint(day, name):
    return day.endpoints[f"llm/{name}/{name}/p"]


def policy(day):
    return day.policies["llm/default"]


def in_ms(seconds):
    return {bucket(seconds * 1000): 1}


def slow_then_answered():
    return Life(A, B).start().wait(0.25).wait(0.5).answers("Hi", used=(40, 9))


class TestEndpoints:
    """One model at one provider."""

    def test_an_answer_is_counted_with_its_tokens_and_cost(self):
        """Under the key of who gave it."""
        found = endpoint(counted(Life(A).start().wait(0.125).answers("Hi", used=(40, 9))), "a")
        assert (found.attempts, found.committed, found.errors, found.fallbacks) == (1, 1, {}, {})
        assert (found.cost, found.abandoned_cost) == (40 * 3 + 9 * 10, 0)
        assert (found.input_tokens, found.output_tokens, found.estimated) == (40, 9, 0)
        assert found.ttft == {"1K": in_ms(0.125)}
        assert found.breaches == 0

    def test_an_abandoned_attempt_is_spend_that_bought_nothing(self):
        """With its reason, and that another followed."""
        found = endpoint(counted(slow_then_answered()), "a")
        assert (found.attempts, found.committed) == (1, 0)
        assert (found.errors, found.fallbacks) == ({"SlowFirstToken": 1}, {"SlowFirstToken": 1})
        assert (found.cost, found.abandoned_cost) == (120, 120)

    def test_a_cut_attempt_is_censored_and_never_a_latency(self):
        """It ranks above every finite sample, and counts as a breach."""
        found = endpoint(counted(slow_then_answered()), "a")
        assert (found.ttft, found.ttlt, found.output_tokens_per_second) == ({}, {}, {})
        assert found.censored == {"1K": in_ms(0.25)}
        assert found.breaches == 1

    def test_a_first_token_of_a_later_attempt_is_not_charged_with_the_time_before_it(self):
        """It is measured from sending that attempt; the last byte from the request."""
        found = endpoint(counted(slow_then_answered()), "b")
        assert found.ttft == {"1K": in_ms(0.5)}
        assert found.ttlt == in_ms(0.75)

    def test_a_late_first_token_that_was_not_cut_is_a_latency_and_a_breach(self):
        """The last candidate's."""
        found = endpoint(counted(Life(A).start().wait(0.5).answers()), "a")
        assert (found.ttft, found.censored, found.breaches) == ({"1K": in_ms(0.5)}, {}, 1)

    def test_an_attempt_without_a_limit_breaches_none(self):
        """Not when it is late, and not when the chain's time ends it."""
        assert endpoint(counted(Life(B).start().wait(20).answers()), "b").breaches == 0
        found = endpoint(counted(Life(B).start().wait(30)), "b")
        assert (found.breaches, found.errors) == (0, {"FirstTokenTimeout": 1})
        assert found.censored == {"1K": in_ms(30)}

    def test_failures_of_other_kinds_are_no_samples_at_all(self):
        """A refused connection is fast, and says nothing of speed."""
        found = endpoint(counted(Life(A, B).start().lost(outcome.REFUSED).answers()), "a")
        assert (found.ttft, found.censored, found.breaches, found.cost) == ({}, {}, 0, 0)
        assert found.errors == {"ConnectionRefused": 1}

    def test_a_last_failure_is_an_error_but_no_fallback(self):
        """Nobody followed."""
        found = endpoint(counted(Life(A).start().lost(outcome.LOST)), "a")
        assert (found.errors, found.fallbacks) == ({"ConnectionLost": 1}, {})

    def test_an_answer_that_is_no_stream_adds_no_first_token(self):
        """It has none; its last byte counts."""
        life = (
            Life(A, json_client=True, upstream="AsRequested").start().wait(2).head(200, JSON).says(completion()).end()
        )
        found = endpoint(counted(life), "a")
        assert (found.ttft, found.output_tokens_per_second, found.ttlt) == ({}, {}, in_ms(2))
        assert found.estimated == 1

    def test_first_tokens_are_kept_by_the_size_of_the_input(self):
        """By the upstream's count, upper bounds inclusive."""
        sizes = [(1_000, "1K"), (1_001, "8K"), (8_000, "8K"), (8_001, "32K"), (32_000, "32K"), (32_001, "more")]
        for tokens, name in sizes:
            found = endpoint(counted(Life(B).start().wait(0.5).answers("Hi", used=(tokens, 9))), "b")
            assert found.ttft == {name: in_ms(0.5)}

    def test_throughput_is_counted_of_answers(self):
        """Ten tokens after the first, in two seconds."""
        life = Life(B).start().head().says(text("Hi")).wait(2).says(text("!"), STOP, DONE)
        life = life.end()
        assert endpoint(counted(life), "b").output_tokens_per_second == {bucket(1 / 2): 1}


class TestPolicies:
    """All requests, by class and by what became of them."""

    def test_every_request_has_an_outcome(self):
        """They sum to all."""
        lives = [
            Life(A).start().answers(),
            Life(A).start().refuses(400),
            Life(A).start().lost(outcome.LOST),
            Life(A).start().head().says(text("Hi")).lost(outcome.LOST),
            Life(A).start().client_leaves(),
        ]
        found = policy(counted(*lives))
        assert found.outcomes == {"Answered": 1, "Rejected": 1, "Failed": 1, "Cut": 1, "ClientLeft": 1}
        assert found.requests == {"Simple": 5}

    def test_spend_is_of_all_attempts_and_the_baseline_of_answers(self):
        """So saving never looks better for having wasted."""
        options = {"baseline": Baseline(tier="llm/b", model="b")}
        life = Life(A, B, **options).start().wait(0.25).answers("Hi", used=(40, 9))
        found = policy(counted(life))
        assert (found.cost, found.baseline_cost) == (120 + 40 * 5 + 9 * 7, 40 * 5 + 9 * 7)
        assert found.fallbacks == 1

    def test_the_perceived_first_token_is_from_the_request(self):
        """Fallbacks included; requests without one add nothing."""
        assert policy(counted(slow_then_answered())).first_token == in_ms(0.75)
        assert policy(counted(Life(A).start().lost(outcome.LOST))).first_token == {}

    def test_a_request_that_was_shed_or_rejected_is_counted(self):
        """Although nobody was asked."""
        counters = Counters()
        for refusal in (no_candidate("nobody"), bad_request("bad")):
            counters.record(refused(policy="llm/default", table="0", refusal=refusal, duration=0.0), TODAY)
        found = policy(counters.days()[TODAY])
        assert (found.shed, found.outcomes) == (1, {"Failed": 1, "Rejected": 1})

    def test_a_request_that_was_refused_before_its_class_was_known_is_in_the_outcomes_alone(self):
        """It named no tier and no model that there is: it is neither pinned nor of a class."""
        nameless = decided(A, fields={"model": "nobody"}, klass=None)
        found = policy(refusals(bad_request("unreadable"), decided(A, fields={"messages": []}), nameless))
        assert (found.requests, found.pinned, found.outcomes) == ({}, 0, {"Rejected": 3})

    def test_a_request_that_was_refused_after_that_is_counted_as_what_it_was(self):
        """Shed or rejected: by its class, or as pinned when it named who should have answered."""
        shed = decided("c", klass="Complex", state=withdrawn("Disabled", "c"))
        greedy = decided(A, fields={"max_tokens": 9}, output_limit="Reject", routes={"Simple": short_answers()})
        unable = decided(A, fields={"model": "a", "tools": [{}]}, klass=None)
        found = policy(refusals(shed, greedy, unable))
        assert (found.requests, found.pinned) == ({"Complex": 1, "Simple": 1}, 1)
        assert (found.shed, found.outcomes) == (1, {"Failed": 1, "Rejected": 2})

    def test_a_pinned_request_that_was_answered_has_no_class(self):
        """The caller had chosen already."""
        pinned = Settlement(policy="llm/default", klass=None, pinned=True, outcome="Answered", status=200, duration=0.1)
        counters = Counters()
        counters.record(pinned, TODAY)
        assert (policy(counters.days()[TODAY]).requests, policy(counters.days()[TODAY]).pinned) == ({}, 1)


def refusals(*found):
    counters = Counters()
    for refusal in found:
        counters.record(refused(policy="llm/default", table="0", refusal=refusal, duration=0.0), TODAY)
    return counters.days()[TODAY]


def short_answers():
    return Route(candidates=(Choice(tier="llm/a"),), max_output_tokens=8)
