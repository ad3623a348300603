"""Several releases in one cluster: apart, over several namespaces, and when two want the same one."""

import json
from collections.abc import Callable

import pytest

from tests.e2e.accounts import wait_for_a_day_with_room
from tests.e2e.callers import Caller
from tests.e2e.installation import Installation
from tests.e2e.waiting import comes_to, eventually

pytestmark = pytest.mark.e2e
TOLD_SECONDS = 60.0
TAKEN_OVER_SECONDS = 90.0


@pytest.fixture(scope="module")
def first(installation: Installation) -> Installation:
    """It brings the kinds."""
    wait_for_a_day_with_room()
    installation.install()
    installation.apply_example()
    installation.wait_until_programmed()
    return installation


@pytest.fixture(scope="module")
def second(first: Installation, make_installation: Callable[..., Installation]) -> Installation:
    """Another namespace, the same name, other objects of the same names."""
    assert first
    release = make_installation("research")
    release.install("crds.enabled=false")
    release.apply_example()
    release.wait_until_programmed()
    return release


def holder(release: Installation, namespace: str) -> str:
    """Which release the namespace belongs to."""
    wanted = "lease", "tierway", f"--namespace={namespace}", "--ignore-not-found"
    return release.kubectl("get", *wanted, "--output=jsonpath={.spec.holderIdentity}")


def tables(release: Installation) -> set[str]:
    """The policies whose tables it has published."""
    found = json.loads(release.get("configmaps", f"--selector=tierway.dev/release={release.name}", "--output=json"))
    return {json.loads(each["data"]["table.json"])["policy"] for each in found["items"] if "table.json" in each["data"]}


def test_two_releases_do_not_see_each_other(first: Installation, second: Installation, caller: Caller) -> None:
    """Neither objects nor counts: each serves its own, and knows no other."""
    assert (tables(first), tables(second)) == ({first.policy}, {second.policy})
    for own, other in ((first, second), (second, first)):
        assert caller.ask(own.url).tier == f"{own.namespace}/small"
        assert caller.ask(f"{own.service}/{other.policy}/v1").status == 404
        assert holder(own, own.namespace) == f"{own.namespace}/{own.name}"
    comes_to(lambda: (first.requests(), second.requests()), (1, 1), TOLD_SECONDS)


def test_an_edit_or_end_of_one_does_not_touch_the_other(first: Installation, second: Installation) -> None:
    """The other's objects are not even written."""
    before = first.object("routingpolicy", "default")["status"]["tableHash"]
    second.patch("routingpolicy", "default", {"spec": {"unknownModels": "Classify"}})
    second.wait_until_programmed()
    assert first.object("routingpolicy", "default")["status"]["tableHash"] == before
    assert first.is_programmed(2)


def test_a_release_of_several_namespaces_serves_policies_on_shared_tiers(
    first: Installation, make_installation: Callable[..., Installation], caller: Caller
) -> None:
    """A team's policy names a tier that the platform's namespace shares; keys stay where they are."""
    assert first
    platform, team = make_installation("platform"), make_installation("team")
    platform.serves = [platform.namespace, team.namespace]
    platform.install("crds.enabled=false")
    platform.apply_example()
    policy = json.loads(json.dumps(platform.object("routingpolicy", "default")["spec"]))
    for place in (*(each for route in policy["routes"] for each in route["candidates"]), policy["baseline"]):
        place["tierRef"]["namespace"] = platform.namespace
    document = {"apiVersion": "tierway.dev/v1alpha1", "kind": "RoutingPolicy", "metadata": {"name": "default"}}
    team.apply({**document, "spec": policy})
    eventually(lambda: team.conditions().get("ResolvedRefs") == "False", 30, "the tiers are not shared yet")
    for tier in ("small", "large"):
        shared = {"from": "Namespaces", "namespaces": [team.namespace]}
        platform.patch("modeltier", tier, {"spec": {"allowedPolicies": shared}})
    team.wait_until_programmed()
    assert caller.ask(f"{platform.service}/{team.policy}/v1").tier == f"{platform.namespace}/small"
    assert team.get("secrets", "--output=name") == ""
    assert holder(platform, team.namespace) == f"{platform.namespace}/tierway"


def test_a_release_that_meets_another_reports_it_and_follows_when_it_ends(
    first: Installation, second: Installation, make_installation: Callable[..., Installation], caller: Caller
) -> None:
    """It writes nothing there but an Event; when the other is uninstalled, it takes over at once."""
    late = make_installation("late")
    late.serves = [second.namespace]
    late.install("crds.enabled=false", f"defaultPolicy={second.policy}")
    eventually(lambda: _told(second, late), TOLD_SECONDS, "an Event says who holds the namespace")
    assert tables(late) == set()
    assert holder(late, second.namespace) == f"{second.namespace}/tierway"
    assert second.is_programmed(2)
    assert caller.ask(late.url).status == 503
    second.uninstall()
    comes_to(lambda: holder(late, second.namespace), f"{late.namespace}/tierway", TAKEN_OVER_SECONDS)
    comes_to(lambda: tables(late), {second.policy}, TOLD_SECONDS)
    second.wait_until_programmed()
    assert caller.ask(late.url).tier == f"{second.namespace}/small"
    assert first.is_programmed(2)


def _told(second: Installation, late: Installation) -> bool:
    events = json.loads(second.get("events.events.k8s.io", "--output=json"))["items"]
    notes = [event["note"] for event in events if event["reason"] == "HeldByAnotherRelease"]
    return any(f"{late.namespace}/tierway" in note and f"{second.namespace}/tierway" in note for note in notes)
