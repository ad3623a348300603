"""Tokens, throughput and cost of one answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.tables import price
from tests.core.wire import counted
from tierway_proxy.core.meter import Meter, Usage, usage_of


def said(content, **more):
    return {"choices": [{"index": 0, "delta": {"content": content}, "finish_reason": None}], **more}


def fed(*events, every=1.0):
    """A meter that saw an event each second."""
    meter = Meter()
    for second, event in enumerate(events):
        meter.feed(event, second * every)
    return meter


USAGES = {
    "plain": (counted(12, 5), (12, 5, 0)),
    "cached": (counted(12, 5, cached=4), (12, 5, 4)),
    "zero": (counted(0, 0), (0, 0, 0)),
    "more cached than there is": (counted(12, 5, cached=40), (12, 5, 12)),
    "without details": ({**counted(12, 5), "prompt_tokens_details": None}, (12, 5, 0)),
    "completion only": ({"completion_tokens": 5}, (0, 5, 0)),
    "null": ({"prompt_tokens": None, "completion_tokens": 5}, (0, 5, 0)),
    "negative": (counted(-1, 5), (0, 5, 0)),
    "text": ({"prompt_tokens": "12", "completion_tokens": 5}, (0, 5, 0)),
}


@pytest.mark.parametrize(("value", "tokens"), USAGES.values(), ids=USAGES.keys())
def test_usage_is_what_the_upstream_says(value, tokens):
    """Figures that are none count zero."""
    usage = usage_of(value)
    assert (usage.input, usage.output, usage.cached) == tokens
    assert usage.estimated is False


@pytest.mark.parametrize("value", [None, {}, [], "x", 7, {"total_tokens": 5}])
def test_what_is_no_usage_is_none(value):
    """Then tokens are estimated."""
    assert usage_of(value) is None


def test_cost_is_exact():
    """Whole pico-dollars: fresh and cached input, output, and the request."""
    costs = price(input=100_001, cached=10_003, output=400_007, request=3)
    assert Usage(input=1000, output=500, cached=300).cost(costs) == 700 * 100_001 + 300 * 10_003 + 500 * 400_007 + 3


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**9), st.integers(0, 10**9))
def test_cost_of_all_input_cached_is_the_cached_price(tokens, output, one, other):
    """And of none, the plain one."""
    assert (
        Usage(input=tokens, output=output, cached=tokens).cost(price(input=one, cached=other, output=0))
        == tokens * other
    )
    assert Usage(input=tokens, output=output, cached=0).cost(price(input=one, cached=other, output=0)) == tokens * one


def test_throughput_is_the_tokens_after_the_first_over_the_time_they_took():
    """(completion tokens - 1) / (last - first), by the upstream's own count."""
    meter = fed(said("a"), said("b"), said("c"), {"choices": [], "usage": counted(9, 11)})
    assert meter.tokens_per_second(meter.settled(9).output) == 10 / 2


def test_the_wait_for_the_first_token_is_no_part_of_the_throughput():
    """Nor is what comes after the last one."""
    meter = fed(said(""), said(""), said("a"), said("b"), said(""), {"choices": [], "usage": counted(9, 5)})
    assert meter.tokens_per_second(5) == 4.0


@pytest.mark.parametrize("events", [[], [said("a")], [said("")]], ids=["nothing", "one token", "no content"])
def test_one_token_has_no_throughput(events):
    """There is no time between it and itself."""
    meter = fed(*events)
    assert meter.tokens_per_second(meter.settled(9).output) is None


def test_tokens_that_came_all_at_once_have_no_throughput():
    """A division by nothing says nothing."""
    assert fed(said("a"), said("b"), every=0.0).tokens_per_second(7) is None


def test_one_token_by_usage_has_no_throughput_though_it_came_in_pieces():
    """Half a character in each event."""
    assert fed(said("a"), said("b")).tokens_per_second(1) is None


def test_without_usage_events_with_content_are_the_estimate():
    """Servers send a token an event."""
    assert fed(said("a"), said(""), said("b"), said(None), said("c")).settled(9) == Usage(9, 3, estimated=True)


def test_events_that_hold_many_tokens_are_estimated_by_their_text():
    """Four characters a token."""
    assert fed(said("x" * 100), said("y" * 60)).settled(9) == Usage(9, 40, estimated=True)
    assert fed(said("x" * 12), said("y" * 12)).settled(9) == Usage(9, 2, estimated=True)
    assert fed(said("x" * 12), said("y" * 13)).settled(9) == Usage(9, 6, estimated=True)


@pytest.mark.parametrize(
    "choice", [{}, {"text": None}, {"text": 7}, {"delta": None}, {"message": {}}, {"delta": {"content": ""}}]
)
def test_a_choice_without_content_is_no_token(choice):
    """Whatever its shape."""
    assert Meter().feed({"choices": [choice]}, 0.0) is False


def test_usage_beats_any_estimate():
    """Also where it says zero."""
    assert fed(said("abc"), {"choices": [], "usage": counted(0, 0)}).settled(9) == Usage(0, 0)


def test_the_last_usage_counts():
    """Some servers send a running count."""
    assert fed(said("a", usage=counted(9, 1)), said("b", usage=counted(9, 2))).settled(1) == Usage(9, 2)


def test_a_broken_usage_does_not_undo_a_good_one():
    """A null or an empty object says nothing."""
    assert fed(said("a", usage=counted(9, 1)), said("b", usage=None), said("c", usage={})).settled(1) == Usage(9, 1)


def test_a_reason_to_finish_finishes():
    """Of any choice, and for good."""
    assert fed(said("a")).finished is False
    end = {"choices": [{"index": 1, "delta": {}, "finish_reason": "stop"}]}
    assert fed(said("a"), end).finished
    assert fed(said("a"), end, said("")).finished


def test_several_choices_in_one_event_are_one_step():
    """Their text adds up, and the event counts once."""
    event = {"choices": [{"index": at, "delta": {"content": "ab"}} for at in (0, 1)]}
    assert fed(event, event).settled(9).output == 2


def test_a_tool_call_is_content_by_what_it_says():
    """Its name and arguments take tokens too."""
    call = {"index": 0, "function": {"name": "find", "arguments": "x" * 400}}
    meter = fed({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]})
    assert meter.settled(9).output >= 100
