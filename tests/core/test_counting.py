"""Counting over days and proxies: cumulative, mergeable, and never falling."""

from hypothesis import given
from hypothesis import strategies as st

from tests.core.script import Life
from tests.core.tables import model, price
from tests.core.wire import ROLE, text
from tierway_proxy.contract.base import canonical
from tierway_proxy.contract.observations import Day
from tierway_proxy.core.counters import Counters
from tierway_proxy.core.ledger import refused
from tierway_proxy.core.refusal import no_candidate

TODAY = "2026-11-24"
A = model("a", ttft=250, costs=price(output=10, input=3))
B = model("b", costs=price(output=7, input=5))


def everything(day):
    """All plain figures of a day, added up."""
    parts = [*day.policies.values(), *day.endpoints.values()]
    return sum(value for part in parts for _, value in part if isinstance(value, int))


SETTLEMENTS = [
    Life(A, B).start().wait(0.25).wait(0.5).answers("Hi", used=(40, 9)).settled,
    Life(A).start().answers().settled,
    Life(B).start().head().says(ROLE, text("Hi")).client_leaves().settled,
    refused(policy="llm/other", table="0", refusal=no_candidate("nobody"), duration=0.0),
]
HISTORIES = st.lists(st.tuples(st.sampled_from(SETTLEMENTS), st.integers(20, 26).map("2026-11-{}".format)), max_size=20)


@given(HISTORIES)
def test_totals_never_fall_and_lose_nothing(history):
    """Days are folded away in any order, a clock that is set back included."""
    counters, before = Counters(), 0
    for number, (settlement, date) in enumerate(history, 1):
        counters.record(settlement, date)
        total = counters.since_start().message()
        assert sum(sum(each.outcomes.values()) for each in total.policies.values()) == number
        assert everything(total) >= before
        before = everything(total)
        assert len(counters.days()) <= 2
    assert sum(each.cost for each in counters.since_start().message().endpoints.values()) == sum(
        settlement.cost for settlement, _ in history
    )


@given(HISTORIES)
def test_only_today_and_yesterday_are_told(history):
    """The latest two days that were seen."""
    counters = Counters()
    for settlement, date in sorted(history, key=lambda each: each[1]):
        counters.record(settlement, date)
    assert sorted(counters.days()) == sorted({date for _, date in history})[-2:]


@given(HISTORIES)
def test_two_proxies_together_counted_what_one_would_have(history):
    """Figures add up: that is what makes them mergeable."""
    one, left, right = Counters(), Counters(), Counters()
    for number, (settlement, _) in enumerate(history):
        one.record(settlement, TODAY)
        (left if number % 2 else right).record(settlement, TODAY)
    together = left.since_start()
    together.fold(right.since_start())
    assert together.message() == one.since_start().message()


@given(HISTORIES)
def test_reading_changes_nothing(history):
    """However often."""
    counters = Counters()
    for settlement, date in history:
        counters.record(settlement, date)
    first = {date: canonical(day) for date, day in counters.days().items()}
    counters.since_start()
    assert {date: canonical(day) for date, day in counters.days().items()} == first


def test_what_was_read_stays_as_it_was():
    """A later request does not reach into it."""
    counters = Counters()
    counters.record(SETTLEMENTS[0], TODAY)
    read = counters.days()[TODAY]
    before = read.model_dump_json()
    counters.record(SETTLEMENTS[0], TODAY)
    assert read.model_dump_json() == before


def test_nothing_counted_is_nothing_told():
    """No days, and no figures."""
    assert Counters().days() == {}
    assert Counters().since_start().message() == Day()
