"""Programmed: False from the first write, True only when every serving proxy has loaded the table."""

import pytest

from tests.operator.memory import MemoryStore
from tests.operator.worlds import NAME, Turns, policy, reborn, routes, tier
from tierway_operator.observing import Seen
from tierway_operator.programmed import loaded_by, progress
from tierway_operator.reporting import Reporter
from tierway_operator.store import Entry, Proxy
from tierway_proxy.contract.observations import LoadedTable, Observations

TIERS = (tier("cheap"), tier("dear"))


def result(*policies):
    turns = Turns()
    for each in policies or (policy(),):
        found = turns.turn(TIERS, (each,)).policies[NAME]
    return found


def proxy(name, **more):
    return Proxy(name, f"http://{name}", **{"serving": True, **more})


def loaded(table_hash, refused=None):
    table = LoadedTable(policy=NAME, hash=table_hash, generation=1, refused=refused)
    return Observations(reads=(1,), instance="i", started_at=0.0, tables=(table,))


def judge(found, proxies, said, waited=0.0):
    told = progress(NAME, found, proxies, loaded_by({f"http://{name}": each for name, each in said.items()}), waited)
    return told.verdict.status, told.verdict.reason, f"{told.loaded}/{told.desired}"


def test_nobody_who_serves_is_false():
    """A table that nobody serves is not in force; one that drains or is not ready does not count."""
    found = result()
    others = (proxy("a", serving=False), proxy("b", terminating=True))
    said = {"a": loaded(found.hash), "b": loaded(found.hash)}
    assert judge(found, (), {}) == ("False", "NoProxies", "0/0")
    assert judge(found, others, said) == ("False", "NoProxies", "0/0")


def test_it_turns_true_when_the_last_of_them_has_the_hash():
    """Half is not enough, and another hash is none."""
    found = result()
    both = (proxy("a"), proxy("b"))
    assert judge(found, both, {}) == ("False", "Pending", "0/2")
    assert judge(found, both, {"a": loaded(found.hash), "b": loaded("0" * 64)}) == ("False", "Pending", "1/2")
    assert judge(found, both, {"a": loaded(found.hash), "b": loaded(found.hash)}) == ("True", "Programmed", "2/2")


def test_a_time_limit_changes_the_reason_and_never_the_status():
    """After ten seconds the stragglers are named, at most five."""
    found = result()
    many = tuple(proxy(f"p{index}") for index in range(8))
    told = progress(NAME, found, many, loaded_by({"http://p0": loaded(found.hash)}), 10.0)
    assert (told.verdict.status, told.verdict.reason) == ("False", "Straggler")
    assert told.verdict.message == "Not loaded after 10 s by p1, p2, p3, p4, p5 and 2 more."


def test_a_proxy_that_refuses_the_table_says_why():
    """Its own sentence is passed on."""
    found = result()
    said = loaded_by({"http://a": loaded("", "version 2 is not one that it reads")})
    told = progress(NAME, found, (proxy("a"),), said, 99.0)
    assert (told.verdict.status, told.verdict.reason) == ("False", "Refused")
    assert "a: version 2 is not one that it reads" in told.verdict.message


@pytest.mark.parametrize("first", [(), (policy(),)])
def test_a_refused_edit_is_never_programmed(first):
    """Also when every proxy has the last good table: what was applied is not what is served."""
    found = result(*first, policy(generation=2, routes=routes(simple="nobody")))
    status, reason, _ = judge(found, (proxy("a"),), {"a": loaded(found.hash or "")})
    assert (status, reason) == ("False", "NotAccepted")


def test_the_table_of_a_dead_namesake_does_not_count():
    """Deleted and created again, the policy has the same generation, but what it says is served by nobody."""
    found = result(policy(), reborn(policy(routes=routes(simple="nobody"))))
    told = progress(NAME, found, (proxy("a"),), loaded_by({"http://a": loaded(found.hash)}), 0.0)
    assert (told.verdict.status, told.verdict.reason) == ("False", "NotAccepted")
    assert "the one that it replaced" in told.verdict.message


def test_a_policy_that_was_away_is_waited_for_from_its_return():
    """How long a deleted one had been waited for is forgotten with it."""
    found, times = result(), iter((0.0, 20.0, 30.0))
    reporter = Reporter(MemoryStore(), lambda: next(times), 30.0, lambda: None)
    seen = Seen(proxies=(proxy("a"),))
    reporter.listed([(found.ref, Entry(policy()))], 0.0)
    assert reporter.progress(NAME, found, seen).verdict.reason == "Pending"
    assert reporter.progress(NAME, found, seen).verdict.reason == "Straggler"
    reporter.listed([], 0.0)
    assert reporter.progress(NAME, found, seen).verdict.reason == "Pending"
