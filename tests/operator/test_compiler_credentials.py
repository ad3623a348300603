"""Which Secrets may be used and where their keys may go; which hosts are refused; whose certificates are trusted."""

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
    routes,
    secret,
    tier,
)
from tierway_operator.store import ConfigMaps, Secrets

DEAR = tier("dear")
KEY = {"credentialRef": {"name": "keys", "key": "api-key"}}
BUNDLE = {"caBundleRef": {"name": "authorities", "key": "ca.pem"}}
MAPS = ConfigMaps({("llm", "authorities"): {"ca.pem": "PEM"}})
KEYED = tier("cheap", providers=[provider(**KEY)])


def id_of(turns):
    return turns.table().tiers["llm/cheap"].providers["main"].credential


def test_a_labelled_secrets_key_goes_under_an_opaque_id():
    """The id says neither name nor value, and does not change when the key is rotated."""
    turns = published(KEYED, DEAR, secrets=(secret(),))
    first = dict(turns.published), id_of(turns)
    assert turns.keys == {first[1]: "k-1"}
    turns.turn((KEYED, DEAR), (policy(),), (secret(**{"api-key": "k-2\n"}),))
    assert (dict(turns.published), id_of(turns)) == first
    assert turns.keys == {first[1]: "k-2"}


CASES = (
    ((), "SecretNotFound", 'with the label tierway.dev/credential: "true"; create it, or label it'),
    ((secret(namespace="other"),), "SecretNotFound", "there is no Secret llm/keys"),
    ((secret(other="x"),), "KeyNotFound", "has no value under 'api-key'; add it"),
    ((secret(**{"api-key": " \n"}),), "KeyNotFound", "has no value"),
    ((secret(**{"api-key": "a\nb"}),), "InvalidCredential", "printable ASCII"),
    ((secret(hosts="api.other.com"),), "HostNotAllowed", "add the host to its annotation tierway.dev/hosts"),
    ((secret(hosts=""),), "HostNotAllowed", "main.example.com"),
)


@pytest.mark.parametrize(("secrets", "reason", "sentence"), CASES)
def test_an_unusable_secret_is_the_tiers_fault_and_refuses_who_newly_names_it(secrets, reason, sentence):
    """The tier says what to do; the policy says which tier."""
    result = Turns().turn((KEYED, DEAR), (policy(),), secrets)
    assert condition(result.tiers["llm/cheap"], "ResolvedRefs") == ("False", reason)
    assert condition(result.tiers["llm/cheap"], "Accepted") == ("True", "Accepted")
    assert sentence in message(result.tiers["llm/cheap"], "ResolvedRefs")
    assert condition(result.policies[NAME], "Accepted") == ("False", "TierNotUsable")
    assert not result.keys


def test_a_fault_of_a_tier_is_told_once_at_a_policy_with_all_places_that_name_it():
    """Two classes and no key: one sentence, and none more about classes that nobody serves."""
    result = Turns().turn((KEYED, DEAR), (policy(),)).policies[NAME]
    places = "spec.routes[Simple].candidates[0], spec.routes[Moderate].candidates[0]"
    fault = 'there is no Secret llm/keys with the label tierway.dev/credential: "true"; create it, or label it.'
    assert message(result, "Accepted") == (
        f"{places}: nothing can be sent to ModelTier llm/cheap: spec.providers[0].credentialRef: {fault}"
    )


@pytest.mark.parametrize("hosts", ["main.example.com", "a.b, MAIN.example.com", "*.example.com"])
def test_an_annotation_that_names_the_host_lets_the_key_go_there(hosts):
    """Names are compared without case; a star stands for any labels before the rest."""
    turns = published(KEYED, DEAR, secrets=(secret(hosts=hosts),))
    assert turns.keys == {id_of(turns): "k-1"}


def test_a_star_does_not_stand_for_nothing():
    """`*.example.com` is not `example.com`."""
    apex = tier("cheap", providers=[provider(baseURL="https://example.com/v1", **KEY)])
    result = Turns().turn((apex, DEAR), (policy(),), (secret(hosts="*.example.com"),))
    assert condition(result.tiers["llm/cheap"], "ResolvedRefs") == ("False", "HostNotAllowed")


def test_a_secret_that_vanishes_takes_its_models_out_through_the_state():
    """Nothing can be sent without the key: the table keeps its bytes, the key is gone, the tier says why."""
    turns = published(KEYED, DEAR, secrets=(secret(),))
    before = turns.published[NAME].table
    result = turns.turn((KEYED, DEAR), (policy(),))
    assert turns.published[NAME].table == before
    assert turns.withdrawn() == {("llm/cheap", "small"): "Disabled"}
    assert result.keys == {}
    assert condition(result.policies[NAME], "Accepted") == ("True", "Accepted")
    assert condition(result.policies[NAME], "ResolvedRefs") == ("False", "ClassEmpty")
    assert condition(result.tiers["llm/cheap"], "ResolvedRefs") == ("False", "SecretNotFound")


def test_a_class_that_is_empty_for_want_of_a_key_says_where_to_look():
    """Another candidate would help, too, but is not what is wrong."""
    turns = published(KEYED, DEAR, secrets=(secret(),))
    said = message(turns.turn((KEYED, DEAR), (policy(),)).policies[NAME], "ResolvedRefs")
    assert said.startswith(
        "spec.routes[Simple]: no candidate takes requests; see the condition ResolvedRefs of ModelTier llm/cheap."
        " Model small of tier llm/cheap has no provider whose key can be sent."
    )
    assert "add one" not in said


def test_a_disabled_model_is_no_matter_of_its_missing_key():
    """With the key back it would still be out."""
    turns = published(KEYED, DEAR, secrets=(secret(),))
    off = tier("cheap", model(state="Disabled"), providers=[provider(**KEY)], generation=2)
    said = message(turns.turn((off, DEAR), (policy(),)).policies[NAME], "ResolvedRefs")
    assert said.startswith("spec.routes[Simple]: no candidate takes requests; add one. Model small of tier llm/cheap ")


def test_a_model_with_another_provider_stays_when_one_key_is_missing():
    """The fault shows at the tier, and requests go where they can."""
    both = tier("cheap", providers=[provider("a", **KEY), provider("b")])
    turns = Turns()
    result = turns.turn((both, DEAR), (policy(),))
    assert condition(result.tiers["llm/cheap"], "ResolvedRefs") == ("False", "SecretNotFound")
    assert condition(result.policies[NAME], "Accepted") == ("True", "Accepted")
    assert turns.withdrawn() == {}
    assert result.tiers["llm/cheap"].usable == {"small"}


def test_secrets_that_cannot_be_read_keep_the_keys_that_are_published():
    """Unknown is not gone."""
    turns = published(KEYED, DEAR, secrets=(secret(),))
    before = dict(turns.published), dict(turns.keys)
    result = turns.turn((KEYED, DEAR), (policy(),), Secrets(errors={"llm": "forbidden"}))
    assert (turns.published, turns.keys) == before
    assert condition(result.tiers["llm/cheap"], "ResolvedRefs") == ("Unknown", "ReadFailed")


def test_narrowing_a_secrets_hosts_takes_its_key_from_a_frozen_table_too():
    """The key of one host is not the key of another: an id stands for both."""
    turns = published(KEYED, DEAR, secrets=(secret(),))
    frozen = policy(generation=2, routes=routes(simple="nobody"))
    turns.turn((KEYED, DEAR), (frozen,), (secret(hosts="api.other.com"),))
    assert turns.keys == {}
    assert turns.withdrawn() == {("llm/cheap", "small"): "Disabled"}


def test_a_key_that_may_go_to_one_host_is_not_there_for_another():
    """Two tiers may name one Secret: each host has an id of its own, and only the allowed one a key."""
    elsewhere = tier("dear", providers=[provider("elsewhere", **KEY)])
    turns = published(KEYED, elsewhere, secrets=(secret(),))
    result = turns.turn((KEYED, elsewhere), (policy(),), (secret(hosts="main.example.com"),))
    assert turns.keys == {id_of(turns): "k-1"}
    assert turns.withdrawn() == {("llm/dear", "small"): "Disabled"}
    assert condition(result.tiers["llm/dear"], "ResolvedRefs") == ("False", "HostNotAllowed")


def test_a_frozen_table_keeps_the_key_of_a_secret_that_its_tier_has_left():
    """Ids are resolved from the table, not from the tier's newest spec."""
    turns = published(KEYED, DEAR, secrets=(secret(), secret("new", **{"api-key": "k-9"})))
    moved = tier("cheap", providers=[provider(credentialRef={"name": "new", "key": "api-key"})], generation=2)
    frozen = policy(generation=2, routes=routes(simple="nobody"))
    both = (secret(), secret("new", **{"api-key": "k-9"}))
    turns.turn((moved, DEAR), (frozen,), both)
    assert turns.keys == {id_of(turns): "k-1"}
    assert turns.withdrawn() == {}


def test_the_key_of_a_table_that_is_being_replaced_stays_one_turn_longer():
    """Proxies serve the old table until they have the new one."""
    keyed = tier("cheap", providers=[provider(**KEY)])
    turns = published(keyed, DEAR, tier("free"), secrets=(secret(),))
    edited = policy(generation=2, routes=routes("free", "free"))
    world = ((keyed, DEAR, tier("free")), (edited,), (secret(),))
    turns.turn(*world)
    assert "llm/cheap" not in turns.table().tiers
    assert list(turns.keys.values()) == ["k-1"]
    turns.turn(*world)
    assert turns.keys == {}


def test_the_key_of_a_deleted_tier_goes_with_it():
    """A tier that may not be used needs no key."""
    turns = published(KEYED, DEAR, secrets=(secret(),))
    turns.turn((DEAR,), (policy(),), (secret(),))
    assert turns.keys == {}


@pytest.mark.parametrize("host", ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]"])
def test_link_local_hosts_are_refused_at_the_tier(host):
    """Metadata services of clouds listen there."""
    result = Turns().turn((tier("cheap", providers=[provider(baseURL=f"https://{host}/v1")]), DEAR), (policy(),))
    assert condition(result.tiers["llm/cheap"], "Accepted") == ("False", "Invalid")
    assert "link-local" in message(result.tiers["llm/cheap"], "Accepted")
    assert condition(result.policies[NAME], "Accepted") == ("False", "TierNotUsable")


@pytest.mark.parametrize(
    ("maps", "status", "reason"),
    [
        (ConfigMaps(), "False", "ConfigMapNotFound"),
        (ConfigMaps({("llm", "authorities"): {}}), "False", "KeyNotFound"),
        (ConfigMaps(errors={("llm", "authorities"): "forbidden"}), "Unknown", "ReadFailed"),
    ],
)
def test_a_tier_whose_certificates_are_missing_keeps_its_last_good_data(maps, status, reason):
    """Falling back to public authorities would trust whom nobody named."""
    bundled = tier("cheap", providers=[provider(**BUNDLE)])
    turns = published(bundled, DEAR, config_maps=MAPS)
    before = turns.published[NAME]
    result = turns.turn((bundled, DEAR), (policy(),), config_maps=maps)
    assert turns.published[NAME] == before
    assert condition(result.tiers["llm/cheap"], "ResolvedRefs") == (status, reason)
    new = Turns().turn((bundled, DEAR), (policy(),), config_maps=maps).policies[NAME]
    assert condition(new, "Accepted") == ("False", "TierNotUsable")
