"""Running proxies follow tables and keys in a real API server, under the token of the chart's ServiceAccount."""

import json
import os
import signal
from pathlib import Path

import pytest

from tests.kubernetes.releases import eventually, get, released
from tests.proxy.payloads import state, table

pytestmark = pytest.mark.kubernetes


@pytest.fixture(scope="module")
def release(control_plane, tmp_path_factory):
    """Two proxies are up, ready without a table; the tests play the operator, each with policies of its own."""
    with released(control_plane, tmp_path_factory.mktemp("release")) as release:
        publish_keys(release, token="t")
        release.start_proxies()
        eventually(lambda: all(observed(release)))
        yield release


def publish_keys(release, **keys):
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "tw-keys"}, "stringData": keys}
    release.apply(secret)


def publish(release, name, table_text, state_text=None):
    data = {"table.json": table_text, "state.json": state_text or state(f"llm/{name}")}
    labels = {"tierway.dev/release": "tw"}
    found = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}, "data": data}
    # not client-side: a whole table has no room in an annotation
    here = f"--namespace={release.namespace}"
    release.kubectl("apply", "--server-side", here, "-f", "-", stdin=json.dumps(found))


def observed(release):
    """What each proxy says that it serves; None from one that has no token yet or does not answer."""
    answers = []
    for stand_in in release.stand_ins:
        status, text = get(f"http://127.0.0.1:{stand_in.admin_port}/observations", {"Authorization": "Bearer t"})
        answers.append(json.loads(text) if status == 200 else None)
    return answers


def generations(release, policy):
    """The generation that each proxy serves of a policy; None where it serves none."""
    return [
        next((table["generation"] for table in found["tables"] if table["policy"] == policy and table["hash"]), None)
        for found in observed(release)
    ]


def refusals(release, policy):
    """Why each proxy refuses a newer table of a policy; None where it does not."""
    return [table["refused"] for found in observed(release) for table in found["tables"] if table["policy"] == policy]


def test_an_edit_is_loaded_by_every_proxy_within_a_second(release):
    """A watch brings it: also the first table, and the deletion."""
    for generation in (1, 2):
        publish(release, "edited", table("llm/edited", generation=generation))
        eventually(lambda wanted=generation: generations(release, "llm/edited") == [wanted] * 2, seconds=1)
    release.delete("configmap", "edited")
    eventually(lambda: generations(release, "llm/edited") == [None] * 2, seconds=1)


def test_a_table_as_large_as_a_config_map_may_be_is_loaded(release):
    """Some 900 KB in one event of a watch."""
    headers = [{"name": f"x-{number}", "value": "v" * 1000} for number in range(850)]
    large = json.loads(table("llm/large", generation=2))
    large["tiers"]["llm/budget"]["providers"]["us"]["headers"] = headers
    publish(release, "large", table("llm/large"))
    eventually(lambda: generations(release, "llm/large") == [1] * 2, seconds=2)
    publish(release, "large", json.dumps(large))
    eventually(lambda: generations(release, "llm/large") == [2] * 2, seconds=2)


def test_a_bad_table_changes_nothing_but_what_is_said(release):
    """The old one serves on, and the reason reaches whoever asks for observations."""
    publish(release, "bad", table("llm/bad"))
    eventually(lambda: generations(release, "llm/bad") == [1] * 2)
    publish(release, "bad", table("llm/bad", version=2))
    eventually(lambda: all("version 2" in (reason or "") for reason in refusals(release, "llm/bad")), seconds=1)
    assert generations(release, "llm/bad") == [1] * 2


def test_config_maps_of_other_releases_are_not_served(release):
    """Two releases may share a namespace."""
    data = {"table.json": table("llm/theirs"), "state.json": state("llm/theirs")}
    metadata = {"name": "theirs", "labels": {"tierway.dev/release": "other"}}
    release.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
    publish(release, "ours", table("llm/ours"))
    eventually(lambda: generations(release, "llm/ours") == [1] * 2)
    assert generations(release, "llm/theirs") == [None] * 2


def test_proxies_serve_through_the_death_of_the_api_server_and_follow_on_after_it(release):
    """What was deleted while a proxy could not watch is found to be gone."""
    publish(release, "kept", table("llm/kept"))
    publish(release, "deleted", table("llm/deleted"))
    eventually(lambda: generations(release, "llm/deleted") == [1] * 2)
    stopped = [release.child(stand_in.name).pid for stand_in in release.stand_ins]
    for pid in stopped:
        os.killpg(pid, signal.SIGSTOP)
    release.delete("configmap", "deleted")
    release.plane.kill("kube-apiserver")
    for pid in stopped:
        os.killpg(pid, signal.SIGCONT)
    # cut off from the event of the deletion, they know no better, and serve
    eventually(lambda: generations(release, "llm/kept") == [1] * 2)
    release.plane.start_again("kube-apiserver")
    eventually(lambda: generations(release, "llm/deleted") == [None] * 2, seconds=5)
    assert generations(release, "llm/kept") == [1] * 2
    publish(release, "kept", table("llm/kept", generation=2))
    eventually(lambda: generations(release, "llm/kept") == [2] * 2, seconds=2)


def test_a_proxy_that_restarts_while_the_api_server_is_away_serves_its_last_tables(release):
    """It is ready, too: the operator and the API server may be gone for as long as they like."""
    publish_keys(release, token="t", abc="sk-1")
    publish(release, "restarted", table("llm/restarted", credential="abc"))
    eventually(lambda: generations(release, "llm/restarted") == [1] * 2)
    first = release.stand_ins[0]
    release.plane.kill("kube-apiserver")
    try:
        release.child(first.name).kill()
        release.start_proxy(first)
        eventually(lambda: get(f"http://127.0.0.1:{first.admin_port}/readyz")[0] == 200)
        assert generations(release, "llm/restarted") == [1] * 2
    finally:
        release.plane.start_again("kube-apiserver")


def test_a_revoked_key_leaves_the_proxies(release):
    """It is not kept on their disks either."""
    publish_keys(release, token="t", abc="sk-revoked")
    kept = [release.folder / stand_in.name / "keys.json" for stand_in in release.stand_ins]
    eventually(lambda: all("sk-revoked" in file.read_text() for file in kept), seconds=2)
    here = f"--namespace={release.namespace}"
    release.kubectl("patch", "secret", "tw-keys", here, "--type=merge", "-p", '{"data": {"abc": null}}')
    eventually(lambda: not any("sk-revoked" in file.read_text() for file in kept), seconds=2)


def test_a_proxy_in_a_cluster_stays_small(release):
    """Aiohttp, pydantic and what of the Kubernetes client carries credentials; none of its typed APIs."""
    for stand_in in release.stand_ins:
        status = f"/proc/{release.child(stand_in.name).pid}/status"
        (resident,) = [line.split()[1] for line in Path(status).read_text().splitlines() if line.startswith("VmRSS")]
        assert int(resident) / 1024 < 80
