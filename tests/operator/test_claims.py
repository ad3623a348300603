"""Whose a namespace is, judged from looks at its Lease."""

from tests.operator.worlds import listing, policy, tier
from tierway_operator.claims import LOOK_SECONDS, Record, holder, left_alone, record_of, served, sighted
from tierway_operator.store import World

OTHER = Record("beta/tw", renewed="12:00:00", seconds=60.0)


def looked(record, seconds, every=LOOK_SECONDS, before=None, start=0.0):
    """The last of looks at one record, for so many seconds."""
    now = start
    while now <= start + seconds:
        before = sighted(before, record, now)
        now += every
    return before


def test_a_lease_is_alive_until_it_was_seen_unchanged_for_its_whole_life():
    """From the first sight of it on, however old it is: its time was written by another clock."""
    assert holder(looked(OTHER, 55)) == "beta/tw"
    assert holder(looked(OTHER, 60)) is None


def test_each_renewal_begins_its_life_anew():
    """It is another record then."""
    renewed = Record("beta/tw", renewed="12:00:20", seconds=60.0)
    assert holder(looked(renewed, 55, before=looked(OTHER, 55), start=60.0)) == "beta/tw"


def test_a_time_in_which_nobody_looked_takes_no_namespace_from_its_holder():
    """After an outage of the API server, the first who looks must not win: the holder could not renew."""
    before = looked(OTHER, 20)
    after = sighted(before, OTHER, 20 + 300.0)
    assert holder(after) == "beta/tw"
    assert holder(looked(OTHER, 60, before=after, start=325.0)) is None


def test_no_lease_and_a_lease_without_holder_are_free():
    """Somebody deleted it, or gave it back."""
    assert holder(sighted(None, None, 0.0)) is None
    assert holder(sighted(None, Record("", "", 60.0), 0.0)) is None


def test_a_deleted_lease_frees_the_namespace_at_once():
    """So an uninstall hands over."""
    assert holder(sighted(looked(OTHER, 5), None, 10.0)) is None


def test_a_lease_lives_as_long_as_it_says():
    """A later version may choose another time."""
    assert holder(looked(Record("beta/tw", "", 90.0), 75)) == "beta/tw"


def test_a_lease_is_read_as_the_api_shows_it():
    """What is missing in it has its default."""
    spec = {"holderIdentity": "beta/tw", "renewTime": "12:00:00", "leaseDurationSeconds": 60}
    assert record_of({"spec": spec}) == OTHER
    assert record_of({"metadata": {}}) == Record("", "", 60.0)
    assert record_of(None) is None


def test_policies_of_a_namespace_that_another_holds_are_not_compiled_and_tiers_are_readable():
    """Whoever lets our policies in by allowedPolicies means them too."""
    world = World(
        listing(tier("cheap"), tier("shared", namespace="other")),
        listing(policy(), policy("theirs", namespace="other")),
        elsewhere={"other": "beta/tw"},
    )
    kept = served(world)
    assert [entry.manifest["metadata"]["name"] for entry in kept.policies.entries] == ["default"]
    assert kept.tiers == world.tiers


def test_who_reads_of_it_is_told_both_releases_and_what_to_do():
    """In log and Event alike."""
    said = left_alone("llm", "beta/tw", "alpha/tw")
    assert "Namespace llm is held by release beta/tw; release alpha/tw leaves" in said
    assert "`namespaces`" in said
