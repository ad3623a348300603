"""kill -9 of everything but the proxies, one at a time: they serve on, and afterwards edits and deletions arrive."""

import os
import signal

import pytest

from tests.kubernetes.releases import eventually, get, released
from tests.resources.documents import policy, tier

pytestmark = pytest.mark.kubernetes


@pytest.fixture(scope="module")
def release(control_plane, tmp_path_factory):
    """Operator and two proxies are up; each test has objects of its own."""
    with released(control_plane, tmp_path_factory.mktemp("release")) as release:
        release.start_operator()
        release.start_proxies()
        yield release


def routed(name, generation=1):
    routes = [
        {"class": each, "candidates": [{"tierRef": {"name": "small"}}], "maxOutputTokens": 100 * generation}
        for each in ("Simple", "Moderate", "Complex")
    ]
    return policy({"spec.routes": routes}) | {"metadata": {"name": name}}


def serving(release, name):
    """The generation of a policy's table at each proxy; None where there is none."""
    wanted = f"{release.namespace}/{name}"
    return [
        next(
            (table["generation"] for table in release.observations(stand_in)["tables"] if table["policy"] == wanted),
            None,
        )
        for stand_in in release.stand_ins
    ]


def two_policies(release, prefix):
    release.apply(tier(), routed(f"{prefix}-edited"), routed(f"{prefix}-deleted"))
    eventually(lambda: serving(release, f"{prefix}-deleted") == [1, 1])
    eventually(lambda: serving(release, f"{prefix}-edited") == [1, 1])


def signalled(release, number, *names):
    for name in names:
        os.killpg(release.child(name).pid, number)


def all_are_ready(release):
    return all(get(f"http://127.0.0.1:{each.admin_port}/readyz")[0] == 200 for each in release.stand_ins)


def test_what_was_edited_and_deleted_while_the_operator_was_dead_is_made_good_when_it_is_back(release):
    """Proxies go on with the old tables until then."""
    two_policies(release, "operator")
    release.child("operator").kill()
    release.apply(routed("operator-edited", generation=2))
    release.delete("routingpolicy", "operator-deleted")
    assert serving(release, "operator-deleted") == [1, 1]
    assert all_are_ready(release)
    release.start_operator()
    eventually(lambda: serving(release, "operator-edited") == [2, 2], seconds=15)
    eventually(lambda: serving(release, "operator-deleted") == [None, None])
    eventually(lambda: release.condition("routingpolicy", "operator-edited", "Programmed").get("status") == "True")


@pytest.mark.parametrize("program", ["kube-apiserver", "etcd"])
def test_after_the_death_of_the_control_plane_edits_flow_and_deleted_objects_are_gone(release, program):
    """The deletion happens while operator and proxies cannot see it; no event of it will ever come."""
    prefix = program.removeprefix("kube-")
    two_policies(release, prefix)
    everybody = ["operator", *(stand_in.name for stand_in in release.stand_ins)]
    signalled(release, signal.SIGSTOP, *everybody)
    release.delete("routingpolicy", f"{prefix}-deleted")
    release.plane.kill(program)
    signalled(release, signal.SIGCONT, *everybody)
    eventually(lambda: all_are_ready(release))
    release.plane.start_again(program)
    eventually(lambda: serving(release, f"{prefix}-deleted") == [None, None], seconds=15)
    release.apply(routed(f"{prefix}-edited", generation=2))
    eventually(lambda: serving(release, f"{prefix}-edited") == [2, 2], seconds=5)
    eventually(lambda: release.condition("routingpolicy", f"{prefix}-edited", "Programmed").get("status") == "True")


def test_an_operator_that_may_not_list_deletes_nothing_and_recovers_by_itself(release):
    """Absence is believed only from a LIST that succeeded. Watching, which gives up on a 403, begins again."""
    two_policies(release, "forbidden")
    binding = f"tierway:{release.namespace}:tw:objects"
    saved = release.object("rolebinding", binding)
    before = release.tables().keys()
    release.delete("rolebinding", binding)
    # a restart has no memory that could stand in for a LIST
    release.child("operator").kill()
    release.start_operator()
    eventually(lambda: get(f"http://127.0.0.1:{release.health_port}/healthz")[0] == 200)
    eventually(lambda: "watching failed" in release.log("operator"), seconds=20)
    assert get(f"http://127.0.0.1:{release.health_port}/readyz")[0] == 503
    assert release.tables().keys() == before
    release.delete("routingpolicy", "forbidden-deleted")
    del saved["metadata"]["resourceVersion"], saved["metadata"]["uid"]
    release.apply(saved)
    eventually(lambda: serving(release, "forbidden-deleted") == [None, None], seconds=20)
    eventually(lambda: get(f"http://127.0.0.1:{release.health_port}/readyz")[0] == 200)
    # the watch is back too: an edit does not wait for the next resync
    release.apply(routed("forbidden-edited", generation=2))
    eventually(lambda: serving(release, "forbidden-edited") == [2, 2], seconds=12)


def test_a_lost_secret_of_keys_is_written_anew_and_keys_are_never_gone(release):
    """Somebody deletes it by mistake: proxies keep their keys, and the operator writes the same again."""
    provider = {"name": "us", "baseURL": "https://api.example.com/v1", "credentialRef": {"name": "kept", "key": "k"}}
    metadata = {"name": "kept", "labels": {"tierway.dev/credential": "true"}}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"k": "sk-kept"}}
    keyed = tier({"spec.providers": [provider]}) | {"metadata": {"name": "keyed"}}
    routes = [
        {"class": each, "candidates": [{"tierRef": {"name": "keyed"}}]} for each in ("Simple", "Moderate", "Complex")
    ]
    release.apply(secret, keyed, policy({"spec.routes": routes}) | {"metadata": {"name": "keyed"}})
    kept = [release.folder / stand_in.name / "keys.json" for stand_in in release.stand_ins]
    eventually(lambda: all("sk-kept" in file.read_text() for file in kept), seconds=15)
    token = release.token()
    seen = [file.stat().st_mtime_ns for file in kept]
    release.delete("secret", "tw-keys")
    eventually(lambda: release.get("secret", "tw-keys", "--ignore-not-found"), seconds=15)
    eventually(lambda: [file.stat().st_mtime_ns for file in kept] != seen)
    assert all("sk-kept" in file.read_text() for file in kept)
    assert release.token() == token
