"""How long a verdict about a token is believed, and of how many tokens."""

import pytest

from tierway_proxy.core.caller import Caller
from tierway_proxy.core.verdicts import BAD_SECONDS, GOOD_SECONDS, Bad, Good, Verdicts

CALLER = Caller("web/frontend", "web")


def good(at=0.0, until=3600.0):
    return Good(CALLER, at, until)


@pytest.mark.parametrize(
    ("until", "now", "fresh"),
    [(3600.0, 59.9, True), (3600.0, 60.0, False), (30.0, 29.9, True), (30.0, 30.0, False), (None, 59.0, True)],
)
def test_a_good_verdict_is_taken_for_a_minute_and_never_past_the_tokens_end(until, now, fresh):
    """Whichever comes first."""
    verdicts = Verdicts()
    verdicts.accept(b"t", good(until=until))
    assert (verdicts.fresh(b"t", now) is not None) is fresh
    assert GOOD_SECONDS == 60.0


def test_a_bad_verdict_is_taken_for_five_seconds():
    """A ServiceAccount that is made in a moment must not wait long."""
    verdicts = Verdicts()
    verdicts.refuse(b"t", Bad("no", 0.0))
    assert verdicts.fresh(b"t", BAD_SECONDS - 0.1) == Bad("no", 0.0)
    assert verdicts.fresh(b"t", BAD_SECONDS) is None


@pytest.mark.parametrize(
    ("until", "now", "stands"), [(3600.0, 3599.0, True), (3600.0, 3600.0, False), (None, 1.0, False)]
)
def test_the_last_good_verdict_stands_until_the_token_ends(until, now, stands):
    """One without a known end does not: nobody knows how long it is good."""
    verdicts = Verdicts()
    verdicts.accept(b"t", good(until=until))
    assert (verdicts.standing(b"t", now) is not None) is stands


def test_a_refused_token_stands_no_more():
    """Its ServiceAccount was deleted."""
    verdicts = Verdicts()
    verdicts.accept(b"t", good())
    verdicts.refuse(b"t", Bad("gone", 61.0))
    assert verdicts.standing(b"t", 62.0) is None
    assert verdicts.fresh(b"t", 62.0) == Bad("gone", 61.0)


def test_a_clock_that_went_back_makes_no_verdict_fresh():
    """It would be taken for as long as the clock went back."""
    verdicts = Verdicts()
    verdicts.accept(b"t", good(at=100.0))
    verdicts.refuse(b"u", Bad("no", 100.0))
    assert verdicts.fresh(b"t", 50.0) is verdicts.fresh(b"u", 50.0) is None


def test_verdicts_are_bounded_and_the_oldest_goes_first():
    """Whoever sends many tokens costs no memory."""
    verdicts = Verdicts(most_good=2, most_bad=2)
    for name in (b"a", b"b", b"c"):
        verdicts.accept(name, good())
        verdicts.refuse(name + b"!", Bad("no", 0.0))
    assert [verdicts.fresh(name, 1.0) is not None for name in (b"a", b"b", b"c")] == [False, True, True]
    assert [verdicts.fresh(name, 1.0) is not None for name in (b"a!", b"b!", b"c!")] == [False, True, True]


def test_what_was_said_again_is_not_the_oldest():
    """Whoever is here all the time must not be forgotten for those who came once."""
    verdicts = Verdicts(most_good=2, most_bad=2)
    for name in (b"a", b"b", b"a", b"c"):
        verdicts.accept(name, good())
        verdicts.refuse(name + b"!", Bad("no", 0.0))
    assert [verdicts.fresh(name, 1.0) is not None for name in (b"a", b"b", b"c")] == [True, False, True]
    assert [verdicts.fresh(name, 1.0) is not None for name in (b"a!", b"b!", b"c!")] == [True, False, True]


def test_of_ten_thousand_good_ones_and_a_thousand_bad_ones_each_is_remembered_and_of_more_not():
    """As `docs/callers.md` says."""
    verdicts = Verdicts()
    for number in range(10_001):
        verdicts.accept(b"good %d" % number, good())
    for number in range(1_001):
        verdicts.refuse(b"bad %d" % number, Bad("no", 0.0))
    names = (b"good 0", b"good 1", b"bad 0", b"bad 1")
    assert [verdicts.fresh(name, 1.0) is not None for name in names] == [False, True, False, True]


def test_what_lasts_is_kept_and_asked_about_again():
    """After a restart it stands, and is not fresh."""
    first, second = Verdicts(), Verdicts()
    first.accept(b"t", good(at=999.0))
    first.accept(b"over", good(until=2.0))
    first.accept(b"endless", good(until=None))
    second.restore(dict(first.lasting(1_000.0)))
    assert second.standing(b"t", 1_000.0) is not None
    assert second.fresh(b"t", 1_000.0) is None
    assert second.standing(b"over", 1.0) is second.standing(b"endless", 1.0) is None


def test_only_news_is_written_again():
    """A token that is asked about each minute is no news."""
    verdicts = Verdicts()
    verdicts.accept(b"t", good(at=1.0))
    verdicts.changed = False
    verdicts.accept(b"t", good(at=61.0))
    assert not verdicts.changed
    verdicts.refuse(b"t", Bad("gone", 122.0))
    assert verdicts.changed
