"""Releases that meet: each namespace is served by one of them, the other says so, and what is left is taken over.

On a control plane of its own, because a release without `namespaces` serves whatever there is.
"""

import json
import os
import re
import signal
from contextlib import contextmanager

import pytest

from localkube import ControlPlane
from localkube.children import Launcher
from tests.kubernetes.releases import ROOT, Release, eventually, get, released
from tests.kubernetes.test_operator import named, routed
from tests.resources.documents import tier

pytestmark = pytest.mark.kubernetes

TAKEN_OVER_SECONDS = 90  # a Lease's 60 s, a look, and what a busy machine needs


@pytest.fixture(scope="module")
def plane(control_plane, tmp_path_factory):
    """Nobody else's objects are there."""
    assert control_plane  # skips or fails where none can be had
    with ControlPlane.started(tmp_path_factory.mktemp("overlap") / "plane") as plane:
        yield plane


@pytest.fixture
def shared(plane, request):
    """A namespace with two tiers and a policy, which no test shares."""
    name = "shared-" + re.sub("[^a-z]", "", request.node.name)[-40:]
    plane.kubectl("create", "namespace", name)
    plane.kubectl("apply", "--server-side", "-f", str(ROOT / "deploy/crds"))
    apply(plane, name, named("small", tier()), routed("default", "small"))
    yield name
    plane.kubectl("delete", "namespace", name)


def apply(plane, namespace, *documents):
    items = {"apiVersion": "v1", "kind": "List", "items": list(documents)}
    plane.kubectl("apply", f"--namespace={namespace}", "-f", "-", stdin=json.dumps(items))


def found(plane, namespace, kind, name):
    return json.loads(plane.kubectl("get", kind, name, f"--namespace={namespace}", "-o", "json"))


def judged(plane, namespace, kind="routingpolicy", name="default"):
    """The status of an object whose newest generation was looked at; nothing before."""
    one = found(plane, namespace, kind, name)
    status = one.get("status", {})
    return status.get("observedGeneration") == one["metadata"]["generation"] and status


def holder(plane, namespace):
    """Who holds a namespace; empty when nobody does."""
    path = "jsonpath={.spec.holderIdentity}"
    return plane.kubectl("get", "lease", "tierway", f"--namespace={namespace}", "--ignore-not-found", "-o", path)


def is_current(release):
    return get(f"http://127.0.0.1:{release.health_port}/readyz")[0] == 200


def elsewhere(release):
    """What its metric says: how many namespaces others hold."""
    text = get(f"http://127.0.0.1:{release.health_port}/metrics")[1]
    (value,) = re.findall(r"^tierway_operator_claimed_elsewhere_namespaces (\S+)$", text, re.MULTILINE)
    return float(value)


def said(release):
    """The messages of its operator's log."""
    lines = release.log("operator").splitlines()
    return [json.loads(line)["message"] for line in lines if line.startswith("{")]


def identity(release):
    return f"{release.namespace}/{release.name}"


def warned(plane, namespace):
    """(kind, name, which release stays out) of each Event about a claim."""
    events = json.loads(plane.kubectl("get", "events.events.k8s.io", f"--namespace={namespace}", "-o", "json"))["items"]
    about = [event for event in events if event["reason"] == "HeldByAnotherRelease"]
    return sorted(
        (
            event["regarding"]["kind"],
            event["regarding"]["name"],
            re.findall(r"; release (\S+) leaves", event["note"])[0],
        )
        for event in about
    )


@contextmanager
def two(plane, folder, serves, second_serves=None):
    """Two releases, by default of the same namespaces. What the second asks for is written down."""
    (folder / "first").mkdir()
    (folder / "second").mkdir()
    with (
        released(plane, folder / "first", "first", serves) as first,
        released(plane, folder / "second", "second", serves if second_serves is None else second_serves) as second,
    ):
        second.record()
        yield first, second


def both_started(plane, first, second, namespace):
    first.start_operator()
    eventually(lambda: judged(plane, namespace))
    second.start_operator()
    eventually(lambda: is_current(second) and elsewhere(second) == 1)


def kill(release):
    os.killpg(release.child("operator").pid, signal.SIGKILL)
    release.child("operator").wait(5)


@pytest.mark.parametrize("all_namespaces", [False, True], ids=["one namespace", "all namespaces"])
def test_the_second_release_stays_out_and_says_so_and_a_restart_of_the_first_changes_nothing(
    plane, shared, tmp_path, all_namespaces
):
    """No status, no table; an Event on each object, one line in the log, a metric."""
    with two(plane, tmp_path, [] if all_namespaces else [shared]) as (first, second):
        both_started(plane, first, second, shared)
        key = f"{shared}/default"
        assert (set(first.tables()), second.tables()) == ({key}, {})
        for generation in (2, 3):
            apply(plane, shared, routed("default", "small", maxOutputTokens=generation))
            eventually(lambda: judged(plane, shared))
            kill(first)
            first.start_operator()
            eventually(lambda: is_current(first))
        assert (elsewhere(first), elsewhere(second)) == (0, 1)
        assert (set(first.tables()), second.tables()) == ({key}, {})
        assert holder(plane, shared) == identity(first)
        assert found(plane, shared, "lease", "tierway")["spec"]["leaseTransitions"] == 0
        assert [request for request in second.recorded if request.path.endswith("/status")] == []
        assert warned(plane, shared) == [
            ("ModelTier", "small", identity(second)),
            ("RoutingPolicy", "default", identity(second)),
        ]
        (warning,) = [message for message in said(second) if message.startswith(f"Namespace {shared} is held by")]
        assert identity(first) in warning
        assert "`namespaces`" in warning
        kill(second)
        second.start_operator()
        eventually(lambda: is_current(second) and elsewhere(second) == 1)
        assert len(warned(plane, shared)) == 2
        assert "an Event was not posted" not in said(second)


def test_when_the_first_ends_the_second_takes_over_and_the_first_finds_it_taken(plane, shared, tmp_path):
    """After the Lease's life, since a restart must not lose it; then statuses are the second's alone."""
    with two(plane, tmp_path, [shared]) as (first, second):
        both_started(plane, first, second, shared)
        leftover = {"status": {"today": {"date": "2026-01-01", "incompleteSince": "2026-01-01T00:00:00Z"}}}
        written_by_the_first(plane, shared, leftover)
        kill(first)
        eventually(lambda: holder(plane, shared) == identity(second), seconds=TAKEN_OVER_SECONDS)
        eventually(lambda: set(second.tables()) == {f"{shared}/default"})
        apply(plane, shared, routed("default", "small", maxOutputTokens=2))
        status = eventually(lambda: judged(plane, shared))
        assert "incompleteSince" not in status["today"]
        first.start_operator()
        eventually(lambda: first.tables() == {})
        assert (elsewhere(first), elsewhere(second)) == (1, 0)
        assert found(plane, shared, "lease", "tierway")["spec"]["leaseTransitions"] == 1


def written_by_the_first(plane, namespace, status):
    """Something in a status that the next release does not write."""
    body = {"apiVersion": "tierway.dev/v1alpha1", "kind": "RoutingPolicy", "metadata": {"name": "default"}, **status}
    plane.kubectl(
        "apply", "--server-side", "--force-conflicts", "--field-manager=tierway", "--subresource=status",
        f"--namespace={namespace}", "-f", "-", stdin=json.dumps(body),
    )  # fmt: skip


@pytest.mark.parametrize("all_namespaces", [False, True], ids=["one namespace", "all namespaces"])
def test_an_uninstall_hands_over_at_once(plane, shared, tmp_path, all_namespaces):
    """The Lease goes with the role that owns it, by the garbage collector."""
    with two(plane, tmp_path, [] if all_namespaces else [shared]) as (first, second):
        both_started(plane, first, second, shared)
        uninstall(first)
        eventually(lambda: holder(plane, shared) == identity(second), seconds=45)
        eventually(lambda: set(second.tables()) == {f"{shared}/default"})
        assert elsewhere(second) == 0


def uninstall(release):
    release.plane.helm("uninstall", release.name, f"--namespace={release.namespace}")
    release.child("operator").stop(10)


def test_each_release_serves_its_namespaces_and_sees_no_others(plane, shared, tmp_path):
    """One serves two namespaces, whose policies share a tier; another, beside it, a third."""
    names = [shared, *(f"{shared[:50]}-{name}" for name in "bc")]
    for name in names[1:]:
        plane.kubectl("create", "namespace", name)
    permitted = tier({"spec.allowedPolicies": {"from": "Namespaces", "namespaces": [names[1]]}})
    apply(plane, shared, named("permitting", permitted))
    candidates = [{"tierRef": {"name": "permitting", "namespace": shared}}]
    borrowing = routed("borrowing", "small")
    for route in borrowing["spec"]["routes"]:
        route["candidates"] = candidates
    apply(plane, names[1], borrowing)
    apply(plane, names[2], named("small", tier()), routed("default", "small"))
    with two(plane, tmp_path, names[:2], names[2:]) as (first, second):
        first.start_operator()
        second.start_operator()
        for namespace, name in ((shared, "default"), (names[1], "borrowing"), (names[2], "default")):
            status = eventually(lambda namespace=namespace, name=name: judged(plane, namespace, name=name))
            accepted = {each["type"]: each["status"] for each in status["conditions"]}["Accepted"]
            assert (name, accepted) == (name, "True")
        assert set(first.tables()) == {f"{shared}/default", f"{names[1]}/borrowing"}
        assert set(second.tables()) == {f"{names[2]}/default"}
        assert [holder(plane, name) for name in names] == [identity(first), identity(first), identity(second)]
        assert (elsewhere(first), elsewhere(second)) == (0, 0)
        assert {name for name in names for request in second.recorded if f"/{name}/" in request.path} == {names[2]}
    for name in names[1:]:
        plane.kubectl("delete", "namespace", name, "--wait=false")


def test_objects_outlive_their_release_and_one_of_another_name_takes_them_up(plane, shared, tmp_path):
    """`helm uninstall`, and `helm install` by another name with `--take-ownership`, because the kinds are kept."""
    with following(plane, tmp_path, shared, ["before", "after"]) as (before, after):
        install(before)
        before.start_operator()
        eventually(lambda: judged(plane, shared))
        uninstall(before)
        assert found(plane, shared, "routingpolicy", "default")["status"]
        install(after)
        after.start_operator()
        eventually(lambda: holder(plane, shared) == identity(after), seconds=45)
        apply(plane, shared, routed("default", "small", maxOutputTokens=2))
        eventually(lambda: judged(plane, shared))
        eventually(lambda: set(after.tables()) == {f"{shared}/default"})
        eventually(lambda: "before-" not in after.get("configmaps,secrets", "-o", "name"), seconds=90)


def install(release):
    release.install("crds.enabled=true", options=["--take-ownership"])


@contextmanager
def following(plane, folder, serves, names):
    """Releases of one namespace that are not installed yet."""
    namespace = f"{serves[:50]}-system"
    plane.kubectl("create", "namespace", namespace)
    with Launcher() as launcher:
        releases = []
        for name in names:
            (folder / name).mkdir()
            releases.append(Release(plane, namespace, folder / name, launcher, name, [serves]))
        yield releases
        for release in releases:
            release.stop()
    plane.kubectl("delete", "namespace", namespace, "--wait=false")
