"""Who may send requests to a tier: its own namespace, and those that it lets in; for as long as it does."""

import pytest

from tests.operator.worlds import NAME, Turns, condition, policy, published, routes, tier

CHEAP, DEAR = tier("cheap"), tier("dear")


@pytest.mark.parametrize(
    ("allowed", "namespace", "permitted"),
    [
        (None, "llm", True),
        (None, "app", False),
        ({"from": "Same"}, "app", False),
        ({"from": "All"}, "app", True),
        ({"from": "Namespaces", "namespaces": ["app"]}, "app", True),
        ({"from": "Namespaces", "namespaces": ["app"]}, "llm", True),
        ({"from": "Namespaces", "namespaces": ["web"]}, "app", False),
    ],
)
def test_allowed_policies_decide_who_may_name_a_tier(allowed, namespace, permitted):
    """A tier's own namespace may always; others where allowedPolicies says so."""
    spec = {} if allowed is None else {"allowedPolicies": allowed}
    ref = {"tierRef": {"name": "cheap", "namespace": "llm"}}
    edited = policy("p", namespace=namespace, routes=routes(ref, ref, ref))
    result = Turns().turn((tier("cheap", **spec),), (edited,)).policies[f"{namespace}/p"]
    assert (result.table is not None) == permitted


def test_a_tier_that_is_no_longer_permitted_leaves_like_a_deleted_one():
    """Access is taken away at once, not at the policy's next edit."""
    shared = tier("cheap", namespace="other", allowedPolicies={"from": "Namespaces", "namespaces": ["llm"]})
    spec = policy(routes=routes(simple=[{"tierRef": {"name": "cheap", "namespace": "other"}}, "cheap"]))
    turns = published(CHEAP, DEAR, shared, policies=(spec,))
    before = turns.published[NAME].table
    result = turns.turn((CHEAP, DEAR, tier("cheap", namespace="other")), (spec,)).policies[NAME]
    assert turns.withdrawn() == {("other/cheap", None): "Disabled"}
    assert turns.published[NAME].table == before
    assert condition(result, "Accepted") == ("True", "Accepted")
    assert condition(result, "ResolvedRefs") == ("False", "RefNotPermitted")
