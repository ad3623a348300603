"""What a request cost and how long it took, once it is over: to the pico-dollar, and without samples that are none."""

import pytest

from tests.core.script import START, Life
from tests.core.tables import model, price
from tests.core.wire import DONE, JSON, ROLE, STOP, completion, text, usage
from tierway_proxy.contract.table import Baseline
from tierway_proxy.core import outcome
from tierway_proxy.core.ledger import refused
from tierway_proxy.core.refusal import bad_request, no_candidate

A = model("a", ttft=250, costs=price(output=10, input=3, request=1000))
B = model("b", costs=price(output=7, input=5, request=500))


def prompt(life):
    return life.plan.ask.input_tokens


def test_an_answer_costs_its_tokens_and_its_request():
    """By the upstream's own figures."""
    life = Life(A).start().answers("Hello", used=(40, 9))
    assert life.settled.cost == 40 * 3 + 9 * 10 + 1000
    assert life.settled.attempts[0].cost == life.settled.cost


def test_cached_input_has_its_own_price():
    """The rest is fresh."""
    life = Life(model("a", costs=price(output=0, input=10, cached=1))).start().head()
    life.says(text("Hi"), STOP, usage(40, 9, cached=30), DONE).end()
    assert life.settled.cost == 10 * 10 + 30 * 1


def test_a_slow_attempt_that_was_cut_costs_its_prompt():
    """Its provider had read it; the price of a request is for an answer."""
    life = Life(A, B).start().wait(0.25).answers("Hello", used=(40, 9))
    assert [each.cost for each in life.settled.attempts] == [40 * 3, 40 * 5 + 9 * 7 + 500]
    assert life.settled.attempts[0].usage.estimated


def test_the_prompt_of_a_cut_attempt_is_taken_from_who_counted_it():
    """It was the same prompt; without a count it is our estimate."""
    life = Life(A, B).start().wait(0.25).lost(outcome.REFUSED).client_leaves()
    assert life.settled.attempts[0].usage.input == prompt(life)


BILLED = {
    "lost": (lambda life: life.lost(outcome.LOST), True),
    "too late for the chain": (lambda life: life.wait(30), True),
    "lost after its head": (lambda life: life.head().lost(outcome.LOST), True),
    "empty": (lambda life: life.head().says(ROLE).end(), True),
    "no stream": (lambda life: life.head(200, JSON).says(completion()).end(), True),
    "stalled": (lambda life: life.lost(outcome.STALLED), True),
    "refused": (lambda life: life.lost(outcome.REFUSED), False),
    "an error frame": (lambda life: life.head().says(b'data: {"error": {}}\n\n'), False),
    "429": (lambda life: life.refuses(429), False),
    "500": (lambda life: life.refuses(500), False),
    "401": (lambda life: life.refuses(401), False),
    "400": (lambda life: life.refuses(400), False),
}


@pytest.mark.parametrize(("fail", "billed"), BILLED.values(), ids=BILLED.keys())
def test_a_failed_attempt_costs_its_prompt_only_where_the_provider_accepted_it(fail, billed):
    """An error is not charged; an answer that was never seen is."""
    life = fail(Life(A).start())
    if not life.over:
        life.client_leaves()
    entry = life.settled.attempts[0]
    assert entry.cost == (prompt(life) * 3 if billed else 0)
    assert (entry.usage.output, entry.usage.estimated) == (0, billed)


def test_an_answer_cut_by_its_upstream_costs_what_came_of_it():
    """And its request: the client got something."""
    life = Life(A).start().head().says(text("Hel"), text("lo")).lost(outcome.LOST)
    assert life.settled.cost == prompt(life) * 3 + 2 * 10 + 1000


def test_the_baseline_prices_the_answer_alone():
    """What was abandoned would not have been spent there: it counts as spend, never in the baseline."""
    best = model("best", costs=price(output=100, input=50, request=1))
    options = {"baseline": Baseline(tier="llm/best", model="best"), "routes": {"Simple": ["a", "b"]}}
    life = Life(A, B, best, **options).start().wait(0.25).answers("Hello", used=(40, 9))
    assert life.settled.baseline_cost == 40 * 50 + 9 * 100 + 1
    assert life.settled.cost == 40 * 3 + 40 * 5 + 9 * 7 + 500


def test_without_an_answer_the_baseline_is_nothing():
    """A failed request would have been one there too."""
    options = {"baseline": Baseline(tier="llm/b", model="b")}
    assert Life(A, B, **options).start().wait(0.25).lost(outcome.LOST).lost(outcome.LOST).settled.baseline_cost == 0
    assert Life(A, B, **options).start().client_leaves().settled.baseline_cost == 0
    assert Life(A, B).start().answers().settled.baseline_cost == 0


def test_times_are_of_what_they_say():
    """First token from sending the attempt, last byte and duration from the request's arrival."""
    life = Life(A, B).start().wait(0.25).wait(0.5).head().says(text("Hi")).wait(2)
    life.says(text("!"), STOP, usage(40, 9), DONE).wait(0.5).end()
    cut, answer = life.settled.attempts
    assert (cut.waited, cut.ttft, cut.ttlt, cut.limit) == (0.25, None, None, 0.25)
    assert (answer.waited, answer.ttft, answer.ttlt, answer.limit) == (None, 0.5, 3.25, None)
    assert answer.output_tokens_per_second == 8 / 2
    assert (life.settled.first_token, life.settled.duration) == (0.75, 3.25)


def test_a_throughput_is_of_tokens_not_of_requests():
    """One token has none."""
    assert (
        Life(A).start().head().says(text("Hi"), STOP, DONE).end().settled.attempts[0].output_tokens_per_second is None
    )


@pytest.mark.parametrize(
    "cut", [lambda life: life.lost(outcome.LOST), lambda life: life.client_leaves()], ids=["cut", "left"]
)
def test_an_answer_without_an_end_has_no_time_to_its_last_byte(cut):
    """Half an answer would pass for a fast one."""
    life = Life(A).start().head().says(text("Hel")).wait(1)
    cut(life)
    assert life.settled.attempts[0].ttlt is None
    assert life.settled.attempts[0].ttft == 0.0


def test_only_attempts_that_were_cut_for_being_slow_have_waited():
    """The others failed of something else."""
    life = Life(A, B, first_token_ms=1000).start().wait(0.25).wait(0.75)
    assert [each.waited for each in life.settled.attempts] == [0.25, 0.75]
    life = Life(A, B).start().wait(0.125).lost(outcome.LOST).lost(outcome.REFUSED)
    assert [each.waited for each in life.settled.attempts] == [None, None]


def test_a_settlement_says_what_was_decided():
    """Policy, class, reason, table and size: for logs and counters."""
    life = Life(A).start().answers()
    settled = life.settled
    assert (settled.policy, settled.klass, settled.table) == ("llm/default", "Simple", "0123456789abcdef")
    assert settled.reason == life.plan.reason
    assert settled.input_tokens == prompt(life)
    assert life.now == START


REFUSED = [(bad_request("no"), "Rejected", 400, False), (no_candidate("nobody"), "Failed", 503, True)]


@pytest.mark.parametrize(("refusal", "kind", "status", "shed"), REFUSED, ids=["rejected", "shed"])
def test_a_request_that_nobody_was_asked_about_is_settled_too(refusal, kind, status, shed):
    """As rejected for its own fault, or as shed because nobody could take it."""
    settled = refused(policy="llm/default", table="0", refusal=refusal, duration=0.5)
    assert (settled.outcome, settled.status, settled.shed) == (kind, status, shed)
    assert (settled.cost, settled.attempts, settled.reason) == (0, (), refusal.code)


STATUSES = {
    "a wrong key": (lambda life: life.refuses(401), "Misconfigured", 401),
    "no such model": (lambda life: life.refuses(404), "Misconfigured", 404),
    "overloaded": (lambda life: life.refuses(529), "ServerError", 529),
    "no answer": (lambda life: life.lost(outcome.REFUSED), "ConnectionRefused", None),
    "an error in an answer of 200": (lambda life: life.head().says(b'data: {"error": {}}\n\n'), "ErrorFrame", None),
}


@pytest.mark.parametrize(("fails", "reason", "status"), STATUSES.values(), ids=STATUSES.keys())
def test_the_status_that_failed_an_attempt_is_kept_with_its_reason(fails, reason, status):
    """A wrong key and a mistyped model have one reason; the one that answered has neither."""
    (failed,) = fails(Life("a").start()).settled.attempts
    assert (failed.reason, failed.status) == (reason, status)
    (answered,) = Life("a").start().answers("Hello").settled.attempts
    assert (answered.reason, answered.status) == (None, None)
