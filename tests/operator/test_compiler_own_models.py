"""A policy's own model of difficulty: how it gets into the route table, and what happens when it cannot be used."""

import pytest

from tests.operator.worlds import (
    NAME,
    Turns,
    condition,
    message,
    model_text,
    policy,
    published,
    reborn,
    tier,
)
from tierway_operator.store import ConfigMaps
from tierway_proxy.contract.base import digest
from tierway_proxy.contract.own_model import GENERAL, MAX_BYTES, OwnModel

TIERS = (tier("cheap"), tier("dear"))
KEY = ("llm", "support")
NONE = ConfigMaps()


def named(name="support", generation=1, **more):
    return policy(generation=generation, classifier={"modelRef": {"name": name}, **more})


def holding(text=None, *, name="support", labelled=True):
    """What a store reads: one ConfigMap with this text under `model.json`."""
    key = ("llm", name)
    return ConfigMaps({key: {"model.json": model_text() if text is None else text}}, models={key} if labelled else ())


FAULTS = {
    "does not exist": (
        NONE,
        "ModelNotFound",
        "spec.classifier.modelRef: there is no ConfigMap llm/support; create it with tierway calibrate, or name ",
    ),
    "lacks the label": (
        holding(labelled=False),
        "ModelNotFound",
        'spec.classifier.modelRef: ConfigMap llm/support lacks the label tierway.dev/classifier-model: "true"; add it.',
    ),
    "has another key": (
        ConfigMaps({KEY: {"model.yaml": model_text()}}, models={KEY}),
        "ModelUnusable",
        "spec.classifier.modelRef: ConfigMap llm/support: it has no value under 'model.json';",
    ),
    "has nothing under the key": (holding(" \n"), "ModelUnusable", "it has no value under 'model.json'"),
    "is no Unicode": (holding("\ud800"), "ModelUnusable", "is no model that this release reads (Input should"),
    "is no JSON": (holding("{"), "ModelUnusable", "model.json is no model that this release reads (Invalid JSON"),
    "has a field of a later release": (holding(model_text(depth=2)), "ModelUnusable", "(depth: Extra inputs"),
    "has too few words": (holding(model_text(words="AAAA")), "ModelUnusable", "(words: Value error, must be"),
    "is too big": (
        holding(model_text() + " " * MAX_BYTES),
        "ModelUnusable",
        f"at most {MAX_BYTES} are read",
    ),
    "was made over other general weights": (
        holding(model_text(over="general-0")),
        "ModelOutdated",
        f"'general-0', and those of this release are '{GENERAL}'; run tierway calibrate again with this release.",
    ),
}  # fmt: skip


def with_model():
    """The loop after a policy with a model was published."""
    return published(policies=(named(),), config_maps=holding())


def test_a_model_travels_whole_in_the_table_with_its_name_and_boundaries():
    """So no request sees the table of one edit and the model of another."""
    spec = named(boundaries={"moderatePercent": 45, "complexPercent": 40}, preset="Safe")
    turns = published(policies=(spec,), config_maps=holding(model_text(labels=25)))
    found = turns.table().classifier
    assert found.model == OwnModel.model_validate_json(model_text(labels=25))
    assert found.model_name == "support"
    assert (found.boundaries.moderate_percent, found.boundaries.complex_percent) == (45, 40)
    assert found.preset == "Safe"


def test_a_policy_that_names_no_model_has_the_general_one_and_no_boundaries():
    """Whatever models lie about."""
    turns = published(config_maps=holding())
    found = turns.table().classifier
    assert (found.model, found.model_name, found.boundaries) == (None, None, None)


@pytest.mark.parametrize("case", FAULTS)
def test_an_edit_that_names_a_model_which(case):
    """It is refused with the sentence; the last good table stays as it is, its model too."""
    maps, reason, sentence = FAULTS[case]
    turns = published()
    before = turns.published[NAME]
    result = turns.turn(TIERS, (named(generation=2),), config_maps=maps).policies[NAME]
    assert condition(result, "Accepted") == ("False", reason)
    assert condition(result, "ResolvedRefs") == ("False", reason)
    assert sentence in message(result, "ResolvedRefs")
    assert turns.published[NAME] == before
    assert not result.news


@pytest.mark.parametrize("case", FAULTS)
def test_under_the_published_generation_a_model_which(case):
    """It stays in the table, to the byte: the policy keeps classifying as it did, and says what is wrong."""
    maps, reason, sentence = FAULTS[case]
    turns = with_model()
    before = turns.published[NAME]
    result = turns.turn(TIERS, (named(),), config_maps=maps).policies[NAME]
    assert condition(result, "Accepted") == ("True", "Accepted")
    assert condition(result, "ResolvedRefs") == ("False", reason)
    assert sentence in message(result, "ResolvedRefs")
    assert turns.published[NAME] == before
    assert turns.table().classifier.model is not None


@pytest.mark.parametrize("case", FAULTS)
def test_a_new_policy_that_names_a_model_which(case):
    """There is no older one to help over: no table, and the same sentence."""
    maps, reason, _ = FAULTS[case]
    result = Turns().turn(TIERS, (named(),), config_maps=maps).policies[NAME]
    assert condition(result, "Accepted") == ("False", reason)
    assert result.published is None


def test_a_lost_model_freezes_nothing_else():
    """Tiers move on under it."""
    turns = with_model()
    turns.turn((*TIERS[:1], tier("dear", maxed := {"name": "new", "price": {"inputPerMillionTokens": "1",
               "outputPerMillionTokens": "1"}}, generation=2)), (named(),), config_maps=NONE)  # fmt: skip
    assert [each.name for each in turns.table().tiers["llm/dear"].models] == [maxed["name"]]
    assert turns.table().classifier.model is not None


def test_a_refused_edit_is_taken_as_soon_as_the_model_exists():
    """Nothing has to be applied twice."""
    turns = published()
    turns.turn(TIERS, (named(generation=2),), config_maps=NONE)
    result = turns.turn(TIERS, (named(generation=2),), config_maps=holding()).policies[NAME]
    assert condition(result, "ResolvedRefs") == ("True", "ResolvedRefs")
    assert (turns.table().generation, turns.table().classifier.model_name) == (2, "support")


def test_a_changed_model_is_a_new_table_under_the_same_generation():
    """And the same model in other words is none."""
    turns = with_model()
    before = digest(turns.published[NAME].table)
    again = turns.turn(TIERS, (named(),), config_maps=holding(model_text().replace(" ", "\n"))).policies[NAME]
    assert not again.news
    turns.turn(TIERS, (named(),), config_maps=holding(model_text(bias=[1.0, 1.0])))
    assert digest(turns.published[NAME].table) != before
    assert turns.table().generation == 1


def test_an_edit_to_a_model_that_does_not_exist_leaves_the_old_name_in_the_table():
    """Who reads the table reads what is served."""
    turns = with_model()
    turns.turn(TIERS, (named("suport", generation=2),), config_maps=holding())
    assert turns.table().classifier.model_name == "support"


def test_a_namesake_takes_nothing_of_the_model_of_the_dead():
    """As with tiers: it is another object, which never had one."""
    turns = with_model()
    result = turns.turn(TIERS, (reborn(named()),), config_maps=NONE).policies[NAME]
    assert condition(result, "Accepted") == ("False", "ModelNotFound")


def test_a_model_that_cannot_be_read_is_unknown_and_not_gone():
    """The API server's sentence, and the model that is in force."""
    turns = with_model()
    before = turns.published[NAME]
    result = turns.turn(TIERS, (named(),), config_maps=ConfigMaps(errors={KEY: "cannot get: 403"})).policies[NAME]
    assert condition(result, "ResolvedRefs") == ("Unknown", "ReadFailed")
    assert "ConfigMap llm/support cannot be read: cannot get: 403" in message(result, "ResolvedRefs")
    assert turns.published[NAME] == before


def test_a_model_of_another_namespace_is_not_taken():
    """Whoever may write there must not change how this policy's requests are classified."""
    key = ("other", "support")
    maps = ConfigMaps({key: {"model.json": model_text()}}, models={key})
    result = Turns().turn(TIERS, (named(),), config_maps=maps).policies[NAME]
    assert condition(result, "Accepted") == ("False", "ModelNotFound")


def test_what_stands_in_a_config_map_that_is_no_model_is_not_told():
    """It was perhaps named by mistake, and a status has more readers."""
    result = Turns().turn(TIERS, (named(),), config_maps=holding('{"labels": "hunter2"}')).policies[NAME]
    assert condition(result, "ResolvedRefs") == ("False", "ModelUnusable")
    assert "hunter2" not in message(result, "ResolvedRefs")
