"""A client that leaves stops the upstream at once, and what was used is charged."""

import pytest

from tests.core.script import CLOSE, Life, open_
from tests.core.tables import model, price
from tests.core.wire import DONE, JSON, ROLE, STOP, completion, text, usage
from tierway_proxy.core import outcome
from tierway_proxy.core.health import Health

COSTS = model("a", costs=price(output=10, input=1, request=1000))


def prompt(life):
    return life.plan.ask.input_tokens


@pytest.mark.parametrize(
    "before",
    [lambda life: life, lambda life: life.head(), lambda life: life.head().says(ROLE)],
    ids=["sent", "head", "role"],
)
def test_a_client_that_leaves_before_the_first_byte_closes_the_upstream(before):
    """Else the upstream generates for nobody, at cost."""
    life = before(Life("a", "b").start()).client_leaves()
    assert life.commands == [open_("a"), CLOSE]
    assert life.settled.outcome == "ClientLeft"
    assert life.settled.status == 499


def test_a_client_that_leaves_before_the_first_token_is_charged_its_prompt():
    """The upstream had accepted it; a price per request is due for an answer only."""
    life = Life(COSTS).start().head().client_leaves()
    assert life.settled.cost == prompt(life)
    assert life.settled.attempts[0].usage.estimated


def test_a_client_that_leaves_in_the_middle_is_charged_what_was_generated():
    """An estimate, counted as such, when no usage had come."""
    life = Life(COSTS).start().head().says(ROLE, text("Hel"), text("lo"), text("!")).client_leaves()
    assert life.commands[-1] == CLOSE
    assert life.settled.outcome == "ClientLeft"
    assert life.settled.cost == prompt(life) + 3 * 10 + 1000
    assert life.settled.attempts[0].usage.estimated


def test_a_client_that_leaves_just_before_the_usage_is_not_served_for_free():
    """The chunk that everybody else bills by never came."""
    life = Life(COSTS).start().head().says(ROLE, text("Hel"), text("lo"), STOP).client_leaves()
    assert life.settled.cost == prompt(life) + 2 * 10 + 1000


def test_a_client_that_leaves_after_the_usage_is_charged_by_it():
    """It is exact."""
    life = Life(COSTS).start().head().says(ROLE, text("Hel"), STOP, usage(40, 7)).client_leaves()
    assert life.settled.cost == 40 + 7 * 10 + 1000
    assert life.settled.attempts[0].usage.estimated is False


@pytest.mark.parametrize("json_client", [False, True])
def test_an_explicit_zero_usage_is_a_figure_not_an_absence(json_client):
    """Whoever says zero is not estimated."""
    life = Life(COSTS, json_client=json_client).start().answers("Hello", used=(0, 0))
    assert life.settled.cost == 1000
    assert life.settled.attempts[0].usage.estimated is False


def test_a_client_that_leaves_during_the_delay_is_charged_for_no_attempt_that_was_not_made():
    """The one that failed is over, the next was never sent."""
    life = Life(COSTS, "b").start().refuses(429).wait(0.25).client_leaves()
    assert life.tried == ["a"]
    assert life.settled.cost == 0
    assert life.reasons == ["RateLimited"]
    assert life.settled.attempts[0].followed is False


def test_a_client_that_leaves_before_the_start_is_charged_nothing():
    """Nobody was asked."""
    life = Life("a").client_leaves()
    assert life.settled.cost == 0
    assert life.settled.attempts == ()


def test_a_client_that_leaves_after_the_end_changes_nothing():
    """It has its answer."""
    life = Life("a").start().answers()
    settled = life.settled
    assert life.exchange.client_left(life.now) == ()
    assert life.settled is settled
    assert settled.outcome == "Answered"


def test_a_client_that_leaves_is_no_fault_of_the_endpoint():
    """Impatient callers must not open breakers."""
    health = Health()
    for _ in range(20):
        Life("a", health=health).start().head().client_leaves()
        Life("a", health=health).start().head().says(text("Hel")).client_leaves()
    assert health.open_breakers() == ()


def test_a_client_that_leaves_frees_the_providers_place():
    """Requests under way are counted down however they end."""
    health = Health()
    Life("a", health=health).start().client_leaves()
    Life("a", health=health).start().head().says(text("Hel")).client_leaves()
    Life("a", "b", health=health).start().refuses(429).client_leaves()
    assert health.under_way("llm/a/p") == 0


def test_a_client_that_wants_json_and_leaves_is_charged_what_was_generated():
    """It was streamed upstream, so we know what that was."""
    life = Life(COSTS, json_client=True).start().head().says(ROLE, text("Hel"), text("lo")).client_leaves()
    assert life.settled.cost == prompt(life) + 2 * 10 + 1000
    assert life.received == b""


def test_a_client_that_leaves_a_body_that_is_no_stream_is_charged_its_prompt():
    """Nothing is known of the rest."""
    life = Life(COSTS, json_client=True, upstream="AsRequested").start().head(200, JSON)
    life.says(completion()[:20]).client_leaves()
    assert life.settled.cost == prompt(life)


def test_attempts_that_were_abandoned_before_it_left_are_charged_too():
    """Money was spent on them all the same."""
    life = Life(model("a", ttft=250, costs=price(input=3)), model("b", costs=price(input=5, output=7)))
    life.start().wait(0.25).head().says(text("Hel")).client_leaves()
    assert life.settled.cost == prompt(life) * 3 + prompt(life) * 5 + 7
    assert life.reasons == ["SlowFirstToken", None]


def test_an_answer_whose_end_was_never_seen_is_not_answered():
    """The client left between the last token and the end."""
    assert Life("a").start().head().says(text("Hel")).client_leaves().settled.outcome == "ClientLeft"
    assert Life("a").start().head().says(text("Hel"), STOP, DONE).lost(outcome.LOST).settled.outcome == "Answered"
