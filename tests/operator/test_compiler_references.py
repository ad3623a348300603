"""Bad and missing references: what refuses an edit, and what leaves under a published generation."""

import pytest

from tests.operator.worlds import (
    NAME,
    Turns,
    condition,
    message,
    model,
    policy,
    provider,
    published,
    reborn,
    routes,
    tier,
)
from tierway_operator.compiler import compiled
from tierway_operator.store import Listing, World

CHEAP, DEAR = tier("cheap"), tier("dear")

REFUSED = {
    "a tier that does not exist": (
        policy(generation=2, routes=routes(simple="chaep")),
        "TierNotFound",
        "spec.routes[Simple].candidates[0]: there is no ModelTier llm/chaep; create it, or name another.",
    ),
    "a tier of another namespace that does not let us in": (
        policy(generation=2, routes=routes(simple={"tierRef": {"name": "shared", "namespace": "other"}})),
        "RefNotPermitted",
        "add the namespace to its spec.allowedPolicies",
    ),
    "a model that the tier does not have": (
        policy(generation=2, routes=routes(simple={"tierRef": {"name": "cheap"}, "models": ["smal"]})),
        "ModelNotFound",
        "ModelTier llm/cheap has no model 'smal', only small; correct the name.",
    ),
    "a rule's tier that does not exist": (
        policy(generation=2, rules=[{"name": "r", "match": {"tools": True}, "use": {"tierRef": {"name": "gone"}}}]),
        "TierNotFound",
        "spec.rules[0].use",
    ),
    "a rule's model that no tier has": (
        policy(generation=2, rules=[{"name": "r", "match": {"tools": True}, "use": {"model": "gone"}}]),
        "ModelNotFound",
        "spec.rules[0].use.model",
    ),
    "a baseline that does not exist": (
        policy(generation=2, baseline={"tierRef": {"name": "dear"}, "model": "gone"}),
        "ModelNotFound",
        "spec.baseline",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_edit_that_names(case):
    """What is missing or not permitted refuses the whole edit; the last good table stays, the message says why."""
    edited, reason, sentence = REFUSED[case]
    world = (CHEAP, DEAR, tier("shared", namespace="other"))
    turns = published(*world)
    before = turns.published[NAME]
    result = turns.turn(world, (edited,)).policies[NAME]
    assert condition(result, "Accepted") == ("False", reason)
    assert condition(result, "ResolvedRefs") == ("False", reason)
    assert sentence in message(result, "Accepted")
    assert turns.published[NAME] == before
    assert not result.news


@pytest.mark.parametrize("case", REFUSED)
def test_a_new_policy_that_names(case):
    """A policy that never was good has no table at all, and the same sentence."""
    edited, reason, _ = REFUSED[case]
    turns = Turns()
    result = turns.turn((CHEAP, DEAR, tier("shared", namespace="other")), (edited,)).policies[NAME]
    assert condition(result, "Accepted") == ("False", reason)
    assert result.table is None
    assert result.published is None


def test_a_refused_edit_is_taken_as_soon_as_what_it_names_exists():
    """Nothing has to be applied twice."""
    turns = published()
    edited = policy(generation=2, routes=routes(simple="new"))
    turns.turn((CHEAP, DEAR), (edited,))
    assert turns.table().generation == 1
    result = turns.turn((CHEAP, DEAR, tier("new")), (edited,)).policies[NAME]
    assert condition(result, "Accepted") == ("True", "Accepted")
    assert turns.table().generation == 2


def test_a_deleted_tier_leaves_through_the_state_and_the_table_keeps_its_bytes():
    """Under the published generation Programmed does not flap: only state.json moves, with the sentence for callers."""
    turns = published()
    before = turns.published[NAME].table
    result = turns.turn((CHEAP,), (policy(),)).policies[NAME]
    assert turns.published[NAME].table == before
    assert turns.state().sequence == 2
    assert turns.withdrawn() == {("llm/dear", None): "Disabled"}
    assert turns.state().withdrawn[0].message == "Tier llm/dear was deleted."
    assert condition(result, "Accepted") == ("True", "Accepted")
    # dear was all that Complex had, and the missing tier is the first thing to say
    assert condition(result, "ResolvedRefs") == ("False", "TierNotFound")


def test_an_edit_that_still_names_a_deleted_tier_is_refused():
    """Its last known data help over a deletion, never over an edit."""
    turns = published()
    turns.turn((CHEAP,), (policy(),))
    result = turns.turn((CHEAP,), (policy(generation=2, unknownModels="Classify"),)).policies[NAME]
    assert condition(result, "Accepted") == ("False", "TierNotFound")
    assert turns.table().generation == 1


def test_a_tier_that_comes_back_serves_again():
    """A withdrawal ends by itself."""
    turns = published()
    turns.turn((CHEAP,), (policy(),))
    turns.turn((CHEAP, DEAR), (policy(),))
    assert turns.withdrawn() == {}
    assert turns.state().sequence == 3


@pytest.mark.parametrize("state", ["Draining", "Disabled"])
def test_a_models_state_travels_in_the_state_alone(state):
    """The switch moves no byte of the table, and the policy stays ready."""
    turns = published(tier("cheap", model("a"), model("b")), DEAR)
    before = turns.published[NAME].table
    switched = tier("cheap", model("a"), model("b", state=state), generation=2)
    result = turns.turn((switched, DEAR), (policy(),)).policies[NAME]
    assert turns.published[NAME].table == before
    assert turns.withdrawn() == {("llm/cheap", "b"): state}
    assert condition(result, "ResolvedRefs") == ("True", "ResolvedRefs")
    assert "Model b of tier llm/cheap" in message(result, "ResolvedRefs")


def test_the_switch_works_on_a_policy_whose_edit_is_refused():
    """A frozen table still lets go of what was disabled and of what was deleted."""
    turns = published(tier("cheap", model("a"), model("b")), DEAR)
    broken = policy(generation=2, routes=routes(simple="nobody"))
    before = turns.published[NAME].table
    turns.turn((tier("cheap", model("a"), model("b")), DEAR), (broken,))
    turns.turn((tier("cheap", model("a"), model("b", state="Disabled")),), (broken,))
    assert turns.published[NAME].table == before
    assert turns.withdrawn() == {("llm/dear", None): "Disabled", ("llm/cheap", "b"): "Disabled"}


def test_a_frozen_policy_takes_no_news_of_its_tiers():
    """The whole policy stays at its last good table: prices and addresses too."""
    turns = published()
    before = turns.published[NAME].table
    dearer = tier("cheap", providers=[provider("elsewhere")], generation=2)
    turns.turn((dearer, DEAR), (policy(generation=2, routes=routes(simple="nobody")),))
    assert turns.published[NAME].table == before


def test_a_tiers_edit_reaches_a_policy_that_is_not_frozen_without_an_edit_of_it():
    """The table moves under the same generation."""
    turns = published()
    turns.turn((tier("cheap", providers=[provider("elsewhere")], generation=2), DEAR), (policy(),))
    assert "elsewhere" in turns.table().tiers["llm/cheap"].providers
    assert turns.table().generation == 1


def test_a_model_that_a_policy_names_and_that_is_deleted_keeps_its_data_and_its_place():
    """Its tier's other models move on; the bytes stay when nothing else has changed."""
    named = policy(routes=routes(simple={"tierRef": {"name": "cheap"}, "models": ["a", "b"]}))
    turns = published(tier("cheap", model("a"), model("b"), model("c")), DEAR, policies=(named,))
    before = turns.published[NAME].table
    result = turns.turn((tier("cheap", model("a"), model("c"), generation=2), DEAR), (named,)).policies[NAME]
    assert turns.published[NAME].table == before
    assert turns.withdrawn() == {("llm/cheap", "b"): "Disabled"}
    assert turns.state().withdrawn[0].message == "Model b of tier llm/cheap was deleted."
    assert condition(result, "Accepted") == ("True", "Accepted")
    assert condition(result, "ResolvedRefs") == ("False", "ModelNotFound")


def test_a_rules_model_that_is_deleted_keeps_its_data_too():
    """A rule by model needs the model in some tier of the routes."""
    rule = {"name": "r", "match": {"tools": True}, "use": {"model": "b"}}
    turns = published(tier("cheap", model("a"), model("b")), DEAR, policies=(policy(rules=[rule]),))
    before = turns.published[NAME].table
    turns.turn((tier("cheap", model("a"), generation=2), DEAR), (policy(rules=[rule]),))
    assert turns.published[NAME].table == before
    assert turns.withdrawn() == {("llm/cheap", "b"): "Disabled"}


def test_a_model_that_nobody_names_leaves_with_the_table():
    """A tier without names in the candidate means whatever models it has now."""
    turns = published(tier("cheap", model("a"), model("b")), DEAR)
    turns.turn((tier("cheap", model("a"), generation=2), DEAR), (policy(),))
    assert [each.name for each in turns.table().tiers["llm/cheap"].models] == ["a"]
    assert turns.withdrawn() == {}


def test_a_class_left_empty_under_the_published_generation_is_said_in_resolved_refs():
    """The proxies answer 503 with the withdrawal's sentence; the policy says which class it is."""
    turns = published()
    off = tier("dear", model(state="Disabled"), generation=2)
    result = turns.turn((CHEAP, off), (policy(),)).policies[NAME]
    assert condition(result, "Accepted") == ("True", "Accepted")
    assert condition(result, "ResolvedRefs") == ("False", "ClassEmpty")
    assert message(result, "ResolvedRefs") == (
        "spec.routes[Complex]: no candidate takes requests; add one. Model small of tier llm/dear is disabled."
    )


def test_an_empty_class_names_the_models_of_its_own_route_alone():
    """Others of the same tier may be out as well, and have no part in it."""
    named = {"tierRef": {"name": "dear"}, "models": ["small"]}
    asked, models = policy(routes=routes(complex_=[named])), ("small", "other", "third")
    turns = published(CHEAP, tier("dear", *map(model, models)), policies=(asked,))
    off = tier("dear", model("small", state="Disabled"), model("other", state="Draining"), model("third"), generation=2)
    assert message(turns.turn((CHEAP, off), (asked,)).policies[NAME], "ResolvedRefs") == (
        "spec.routes[Complex]: no candidate takes requests; add one. Model small of tier llm/dear is disabled."
    )


@pytest.mark.parametrize("state", ["Draining", "Disabled"])
def test_an_edit_that_leaves_a_class_empty_is_refused(state):
    """Nobody may publish a class that can only answer 503."""
    off = tier("dear", model(state=state))
    result = Turns().turn((CHEAP, off), (policy(),)).policies[NAME]
    assert condition(result, "Accepted") == ("False", "ClassEmpty")
    assert result.table is None


def test_one_policys_fault_is_no_other_policys():
    """A refused neighbour changes nothing for a good policy."""
    turns = Turns()
    result = turns.turn((CHEAP, DEAR), (policy(), policy("bad", routes=routes(simple="nobody"))))
    assert condition(result.policies[NAME], "Accepted") == ("True", "Accepted")
    assert sorted(turns.published) == [NAME]


def test_a_policy_without_an_object_is_unpublished():
    """Absent from a good LIST is gone."""
    turns = published()
    assert turns.turn((CHEAP, DEAR), ()).gone == (NAME,)
    assert NAME not in turns.published


@pytest.mark.parametrize("kind", ["tiers", "policies"])
def test_a_kind_that_cannot_be_listed_moves_nothing(kind):
    """Unknown is not empty: nothing is compiled, nothing deleted."""
    lists = {"tiers": Listing(), "policies": Listing(), kind: Listing(error="403")}
    assert compiled(World(**lists, published=published().published)) is None


def test_every_message_fits_a_condition():
    """Sixteen bad candidates a class make a long sentence, not a status that the API server refuses."""
    many = [{"tierRef": {"name": "x" * 200 + str(index)}} for index in range(16)]
    result = Turns().turn((), (policy(routes=routes(many, many, many)),)).policies[NAME]
    assert len(message(result, "Accepted")) <= 4096
    assert message(result, "Accepted").endswith("And 43 more.")


class TestNamesakes:
    """A policy that is deleted and created again has generation 1 again, and is another object all the same."""

    def test_one_that_names_a_deleted_tier_is_refused_and_carries_nothing_of_the_dead(self):
        """As any new object; what was in force stays so."""
        turns = published(CHEAP, DEAR)
        before = turns.published[NAME]
        result = turns.turn((DEAR,), (reborn(policy()),)).policies[NAME]
        assert condition(result, "Accepted") == ("False", "TierNotFound")
        assert turns.published[NAME].table == before.table
        assert not result.own
        again = turns.turn((DEAR,), (reborn(policy()),)).policies[NAME]
        assert condition(again, "Accepted") == ("False", "TierNotFound")
        assert not again.news

    def test_one_with_a_good_spec_is_published_as_its_own(self):
        """Also when its table has the very same bytes."""
        turns = published(CHEAP, DEAR)
        before = turns.published[NAME]
        result = turns.turn((CHEAP, DEAR), (reborn(policy()),)).policies[NAME]
        assert (result.own, turns.published[NAME].table) == (True, before.table)
        gone = turns.turn((DEAR,), (reborn(policy()),)).policies[NAME]
        assert condition(gone, "Accepted") == ("True", "Accepted")
        assert turns.withdrawn() == {("llm/cheap", None): "Disabled"}

    def test_a_publication_that_does_not_say_whose_it_is_is_taken_for_the_objects(self):
        """An older version made it: the upgrade refuses nobody, moves no table, and writes the uid."""
        turns = published(CHEAP, DEAR)
        told = turns.published[NAME]
        turns.published[NAME] = type(told)(told.table, told.state)
        result = turns.turn((DEAR,), (policy(),)).policies[NAME]
        assert condition(result, "Accepted") == ("True", "Accepted")
        assert turns.published[NAME].table == told.table
        assert turns.published[NAME].uid == told.uid == "uid-default"
