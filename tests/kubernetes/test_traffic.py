"""kill -9 of operator, API server and etcd while callers are served: none of them notices, and no count is lost."""

import pytest

from tests.kubernetes.releases import eventually, released
from tests.kubernetes.test_faults import routed, serving
from tests.kubernetes.traffic import load
from tests.resources.documents import tier

pytestmark = pytest.mark.kubernetes


@pytest.fixture(scope="module")
def release(control_plane, tmp_path_factory):
    """Operator and two proxies are up."""
    with released(control_plane, tmp_path_factory.mktemp("traffic")) as release:
        release.start_operator("--report-every=3")
        release.start_proxies()
        yield release


@pytest.fixture
def served(release, request):
    """Two policies over a tier that answers, one of them under load."""
    prefix = request.node.callspec.params["program"].removeprefix("kube-")
    with load() as calls:
        provider = {"name": "us", "baseURL": calls.provider}
        small = tier({"spec.providers": [provider], "spec.models.0.upstreamModel": "Qwen3-8B"})
        release.apply(small, routed(f"{prefix}-called"), routed(f"{prefix}-deleted"))
        eventually(lambda: serving(release, f"{prefix}-called") == [1, 1])
        eventually(lambda: serving(release, f"{prefix}-deleted") == [1, 1])
        policy = f"{release.namespace}/{prefix}-called"
        calls.begin([f"{release.url(stand_in)}/{policy}/v1" for stand_in in release.stand_ins])
        eventually(lambda: calls.answered > 20)
        yield prefix, calls


def today(release, name):
    """Requests of today in a policy's status, as many as there are."""
    status = release.object("routingpolicy", name).get("status", {})
    return sum(status.get("today", {}).get("requests", {}).values())


def kill(release, program):
    """It is gone with what it had in memory."""
    release.child("operator").kill() if program == "operator" else release.plane.kill(program)


def start_again(release, program):
    release.start_operator("--report-every=3") if program == "operator" else release.plane.start_again(program)


@pytest.mark.parametrize("program", ["operator", "kube-apiserver", "etcd"])
def test_no_caller_notices_and_afterwards_edits_deletions_and_totals_are_right(release, served, program):
    """Killed under load, missed by nobody, back: an edit flows, the deleted is gone, and the day's total is exact."""
    prefix, calls = served
    kill(release, program)
    before = calls.answered
    eventually(lambda: calls.answered > before + 40, seconds=30)
    start_again(release, program)
    release.delete("routingpolicy", f"{prefix}-deleted")
    release.apply(routed(f"{prefix}-called", generation=2))
    eventually(lambda: serving(release, f"{prefix}-called") == [2, 2], seconds=20)
    eventually(lambda: serving(release, f"{prefix}-deleted") == [None, None], seconds=20)
    calls.end()
    assert calls.failures == []
    eventually(lambda: today(release, f"{prefix}-called") == calls.answered, seconds=90)
