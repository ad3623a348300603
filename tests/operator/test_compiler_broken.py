"""Objects that cannot be read, or whose newest text is not valid: the last good one serves, and the fault is said."""

from tests.operator.worlds import NAME, Turns, condition, message, policy, published, tier
from tierway_operator.store import Entry

CHEAP, DEAR = tier("cheap"), tier("dear")


def test_an_unreadable_policy_stays_at_its_last_good_table():
    """And says in words what is wrong with it."""
    turns = published()
    before = turns.published[NAME]
    broken = policy(generation=2, routes="nonsense")
    result = turns.turn((CHEAP, DEAR), (broken,)).policies[NAME]
    assert turns.published[NAME] == before
    assert condition(result, "Accepted") == ("False", "Invalid")
    assert "spec.routes" in message(result, "Accepted")
    assert condition(result, "ResolvedRefs") == ("Unknown", "Invalid")


def test_an_unreadable_tier_stays_as_it_was_in_every_policy():
    """Its fault is reported at the tier, and the policies that use it are not harmed."""
    turns = published()
    before = turns.published[NAME]
    broken = tier("cheap", providers=3, generation=2)
    result = turns.turn((broken, DEAR), (policy(),))
    assert turns.published[NAME] == before
    assert condition(result.tiers["llm/cheap"], "Accepted") == ("False", "Invalid")
    assert condition(result.policies[NAME], "Accepted") == ("True", "Accepted")
    assert condition(result.policies[NAME], "ResolvedRefs") == ("True", "ResolvedRefs")


def test_a_policy_that_newly_names_an_unreadable_tier_is_refused():
    """There is no older data to help over."""
    result = Turns().turn((tier("cheap", providers=3), DEAR), (policy(),)).policies[NAME]
    assert condition(result, "Accepted") == ("False", "TierNotUsable")


def test_the_last_good_text_of_an_invalid_file_stays_in_force():
    """A fault that the store found is said, and the manifest is used."""
    turns = Turns()
    result = turns.turn((CHEAP, DEAR), (Entry(policy(), fault="default.yaml, line 3: not closed."),)).policies[NAME]
    assert condition(result, "Accepted") == ("False", "Invalid")
    assert message(result, "Accepted") == "The newest spec is not valid: default.yaml, line 3: not closed."
    assert result.table is not None


def test_a_published_text_that_nobody_can_read_is_replaced_by_a_good_spec_only():
    """After a downgrade the newer table stays until there is something to put in its place."""
    turns = published()
    good = turns.published[NAME]
    turns.published[NAME] = type(good)('{"version": 9}', "{}")
    newer = dict(turns.published)
    turns.turn((CHEAP,), (policy(),))
    assert turns.published == newer
    turns.turn((CHEAP, DEAR), (policy(),))
    assert turns.published[NAME] == good
