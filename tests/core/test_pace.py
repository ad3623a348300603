"""Endpoints whose answers are slower than they must be: moved to the end for the next requests, and brought back."""

import pytest

from tests.core.script import START, Life
from tests.core.tables import model
from tests.core.wire import DONE, JSON, STOP, completion, text, usage
from tierway_proxy.contract.state import EffectiveLimits, State
from tierway_proxy.contract.table import Limits
from tierway_proxy.core.health import LATE_TO_DEMOTE, LATE_TRIAL_SECONDS, LATENESS_WINDOW, Health

KEY = "llm/a/a/p"
A = model("a", limits=Limits(min_output_tokens_per_second=10))


def answer(health, seconds, *models, tokens=21, state=None):
    """An answer whose other tokens came within `seconds` of the first."""
    life = Life(*models or (A,), health=health, state=state).start()
    return life.head().says(text("Hi")).wait(seconds).says(text("!"), STOP, usage(12, tokens), DONE).end()


def answered(times, seconds, *models, **options):
    health = Health()
    for _ in range(times):
        answer(health, seconds, *models, **options)
    return health


def test_a_few_slow_answers_change_nothing():
    """Too few samples flip nothing."""
    assert Life(A, "b", health=answered(LATE_TO_DEMOTE - 1, 4.0)).start().tried == ["a"]


def test_many_slow_answers_send_the_next_requests_elsewhere():
    """With the reason in words; it still answers when nobody else does."""
    life = Life(A, "b", health=answered(LATE_TO_DEMOTE, 4.0)).start()
    assert life.tried == ["b"]
    assert [(each.key, each.reason) for each in life.plan.skipped] == [
        (KEY, f"{LATE_TO_DEMOTE} of its last {LATE_TO_DEMOTE} answers had fewer tokens per second than their limit")
    ]
    assert life.refuses(401).tried == ["b", "a"]


def test_answers_as_fast_as_they_must_be_are_not_slow():
    """At the limit is within it."""
    assert answered(LATENESS_WINDOW * 2, 2.0).unfit(KEY, START) is None
    assert answered(LATENESS_WINDOW * 2, 2.01).unfit(KEY, START)


def test_a_slow_endpoint_is_tried_again_after_a_while_by_one_at_a_time():
    """However little traffic there is."""
    health = answered(LATENESS_WINDOW, 4.0)
    assert health.unfit(KEY, START + LATE_TRIAL_SECONDS) is None
    health.began(KEY, "llm/a/p", START + LATE_TRIAL_SECONDS)
    assert health.unfit(KEY, START + LATE_TRIAL_SECONDS)


def test_faster_answers_bring_it_back():
    """The old ones leave the window."""
    health = answered(LATENESS_WINDOW, 4.0)
    for _ in range(LATENESS_WINDOW - LATE_TO_DEMOTE + 1):
        assert health.unfit(KEY, START)
        answer(health, 1.0, A)
    assert health.unfit(KEY, START) is None


@pytest.mark.parametrize(("limit", "demoted"), [(4, False), (6, True), (None, True)])
def test_an_effective_limit_stands_in_for_the_specs(limit, demoted):
    """Five tokens a second: too few for the spec's ten, and for what was tuned to six."""
    moved = EffectiveLimits(tier="llm/a", model="a", min_output_tokens_per_second=limit)
    state = State(policy="llm/default", sequence=2, limits=(moved,))
    assert (answered(LATENESS_WINDOW, 4.0, state=state).unfit(KEY, START) is not None) == demoted


def test_an_endpoint_without_a_limit_is_never_slow():
    """There is nothing to miss."""
    assert answered(20, 15.0, "a").unfit(KEY, START) is None


def test_answers_that_have_no_throughput_are_neither_slow_nor_fast():
    """One token has none, and an answer that is no stream has no first one."""
    health = answered(LATE_TO_DEMOTE, 4.0)
    for _ in range(LATENESS_WINDOW):
        answer(health, 0.0, A, tokens=1)
        life = Life(A, json_client=True, upstream="AsRequested", health=health).start().wait(9)
        life.head(200, JSON).says(completion()).end()
    assert health.unfit(KEY, START)


def test_slow_first_tokens_and_slow_answers_are_judged_apart():
    """Half of each is no majority of either."""
    both = model("a", limits=Limits(max_ttft_ms=250, min_output_tokens_per_second=10))
    health = answered(LATE_TO_DEMOTE - 1, 4.0, both)
    for _ in range(LATE_TO_DEMOTE - 1):
        Life(both, health=health).start().wait(0.5).head().says(text("Hi")).client_leaves()
    assert health.unfit(KEY, START) is None
