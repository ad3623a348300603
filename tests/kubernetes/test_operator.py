"""The operator on a real API server: from `kubectl apply` to tables in running proxies, and back to statuses.

Operator and proxies run under the tokens of the chart's ServiceAccounts: a verb that the chart forgot fails here.
"""

import json
import os
import signal
import time
from pathlib import Path

import pytest
import yaml

from localkube.standins import StandIn
from tests.kubernetes.releases import eventually, get, released
from tests.operator.worlds import model_map, model_text
from tests.resources.documents import policy, tier

pytestmark = pytest.mark.kubernetes

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def release(control_plane, tmp_path_factory):
    """Operator and two proxies are up; each test has objects of its own."""
    with released(control_plane, tmp_path_factory.mktemp("release")) as release:
        release.start_operator()
        release.start_proxies()
        yield release


def named(name, document):
    return document | {"metadata": {"name": name}}


def routed(name, tier_name, **more):
    """A policy that sends everything to one tier."""
    routes = [
        {"class": each, "candidates": [{"tierRef": {"name": tier_name}}], **more}
        for each in ("Simple", "Moderate", "Complex")
    ]
    return named(name, policy({"spec.routes": routes}))


def programmed(release, name):
    condition = release.condition("routingpolicy", name, "Programmed")
    return condition.get("status") == "True" and condition


def test_the_quickstart_is_published_loaded_and_reported(release):
    """Every tier and policy of it becomes Ready, and both proxies serve what was published."""
    for file in sorted((ROOT / "examples/quickstart").glob("[pt]*.yaml")):
        text = file.read_text().replace("namespace: llm", f"namespace: {release.namespace}")
        release.apply(*yaml.safe_load_all(text))
    names = ["default", "legal-finance"]
    for name in names:
        eventually(lambda name=name: programmed(release, name))
        assert release.condition("routingpolicy", name, "Ready")["status"] == "True"
    for name in ("ultra-budget", "budget", "mid-range", "premium"):
        eventually(lambda name=name: release.condition("modeltier", name, "Ready").get("status") == "True")
    wanted = {
        f"{release.namespace}/{name}": release.object("routingpolicy", name)["status"]["tableHash"] for name in names
    }
    for served in release.hashes():
        assert wanted.items() <= served.items()
    status = release.object("routingpolicy", "default")["status"]
    assert status["proxies"] == {"desired": 2, "programmed": 2}
    assert "2/2" in release.get("routingpolicies", "default")


def test_an_edit_is_programmed_only_when_every_proxy_has_loaded_it(release):
    """The first status of the new generation says no, the last one yes; nothing says yes in between."""
    release.apply(named("edited", tier()), routed("edited", "edited"))
    eventually(lambda: programmed(release, "edited"))
    with release.watched("routingpolicy", "edited") as versions:
        release.apply(routed("edited", "edited", maxOutputTokens=100))
        done = eventually(lambda: programmed(release, "edited"), seconds=3)
    said = [
        (condition["status"], condition["reason"])
        for version in versions
        for condition in version.get("status", {}).get("conditions", [])
        if condition["type"] == "Programmed" and condition["observedGeneration"] == done["observedGeneration"]
    ]
    assert said[0] == ("False", "Pending")
    assert said[-1][0] == "True"
    assert [status for status, _ in said] == sorted(status for status, _ in said)
    assert all(f"{release.namespace}/edited" in served for served in release.hashes())


def test_a_proxy_whose_watch_stands_still_keeps_programmed_false_and_is_named(release):
    """It answers scrapes and serves, by the old table. The status never turns True by the passing of time."""
    release.apply(named("stuck", tier()), routed("stuck", "stuck"))
    eventually(lambda: programmed(release, "stuck"))
    with release.cut_off(release.stand_ins[1]):
        release.apply(routed("stuck", "stuck", maxOutputTokens=100))
        eventually(lambda: release.condition("routingpolicy", "stuck", "Programmed").get("status") == "False")
        status = eventually(lambda: half_programmed(release, "stuck"))
        assert status["programmedGeneration"] < release.object("routingpolicy", "stuck")["metadata"]["generation"]
        time.sleep(2)
        assert not programmed(release, "stuck")
        assert release.condition("routingpolicy", "stuck", "Ready")["status"] == "False"
    eventually(lambda: programmed(release, "stuck"), seconds=15)


def half_programmed(release, name):
    status = release.object("routingpolicy", name)["status"]
    return status["proxies"] == {"desired": 2, "programmed": 1} and status


def test_without_a_proxy_that_serves_nothing_is_programmed(release):
    """Draining ones and those that are not ready do not count."""
    release.apply(named("alone", tier()), routed("alone", "alone"))
    eventually(lambda: programmed(release, "alone"))
    first, second = release.stand_ins
    leaving = StandIn(first.number, first.admin_port, terminating=True)
    unready = StandIn(second.number, second.admin_port, serving=False)
    release.announce(leaving, unready)
    condition = eventually(
        lambda: (found := release.condition("routingpolicy", "alone", "Programmed")).get("status") == "False" and found,
        seconds=20,
    )
    assert condition["reason"] == "NoProxies"
    release.announce(first, second)
    eventually(lambda: programmed(release, "alone"), seconds=20)


def test_a_policy_is_never_said_to_have_no_proxies_when_there_are(release):
    """Also where they came just before it: the operator looks when it publishes, not only in its rounds."""
    release.announce()
    release.apply(named("prompt", tier()), routed("waiting", "prompt"))
    eventually(lambda: release.condition("routingpolicy", "waiting", "Programmed").get("reason") == "NoProxies", 20)
    release.announce(*release.stand_ins)
    release.apply(routed("prompt", "prompt"))
    with release.watched("routingpolicy", "prompt") as versions:
        eventually(lambda: programmed(release, "prompt"), seconds=20)
    shown = [version["status"]["summary"]["programmed"] for version in versions if version.get("status")]
    assert "0/0" not in shown
    assert shown[-1] == "2/2"


def test_a_key_that_comes_later_reaches_the_proxies(release):
    """Also a changed one, as fast as docs/security.md promises. The table never holds the key itself."""
    provider = {"name": "us", "baseURL": "https://api.example.com/v1", "credentialRef": {"name": "late", "key": "k"}}
    release.apply(named("keyed", tier({"spec.providers": [provider]})), routed("keyed", "keyed"))
    refused = eventually(
        lambda: (found := release.condition("modeltier", "keyed", "ResolvedRefs")).get("status") == "False" and found
    )
    assert "late" in refused["message"]
    labels = {"tierway.dev/credential": "true"}
    kept = [release.folder / stand_in.name / "keys.json" for stand_in in release.stand_ins]
    for key in ("sk-first", "sk-second"):
        metadata = {"name": "late", "labels": labels}
        release.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"k": key}})
        eventually(lambda key=key: all(key in file.read_text() for file in kept), seconds=10)
    eventually(lambda: programmed(release, "keyed"))
    assert "sk-" not in json.dumps(release.tables())


def test_a_policys_own_model_is_taken_up_when_it_comes_and_whenever_it_changes(release):
    """From a ConfigMap with its label, by looks every few seconds; until then the policy says what to do."""
    own = {
        "spec.classifier": {"modelRef": {"name": "own-1"}, "boundaries": {"moderatePercent": 45, "complexPercent": 40}}
    }
    here, routes = f"{release.namespace}/modelled", routed("modelled", "modelled")["spec"]["routes"]
    release.apply(named("modelled", tier()), named("modelled", policy({"spec.routes": routes, **own})))
    missing = f"spec.classifier.modelRef: there is no ConfigMap {release.namespace}/own-1; create it"
    eventually(lambda: missing in references(release, "modelled", "False", "ModelNotFound"))
    assert here not in release.tables()

    def put(text, *, label="true"):
        return release.apply(model_map("own-1", label=label, namespace=release.namespace, **{"model.json": text}))

    put(model_text(), label="false")
    unlabelled = 'own-1 lacks the label tierway.dev/classifier-model: "true"; add it.'
    eventually(lambda: unlabelled in references(release, "modelled", "False", "ModelNotFound"))
    hashes = []
    for labels in (20, 40):
        put(model_text(labels=labels))
        status = eventually(lambda labels=labels: classified_by(release, "modelled", labels), seconds=15)
        assert status["classifier"] == {"model": "own-1", "labels": labels}
        hashes.append(status["tableHash"])
        table = release.tables()[here]
        assert (table["generation"], table["classifier"]["model"]["labels"]) == (1, labels)
        assert table["classifier"]["boundaries"] == {"moderate_percent": 45, "complex_percent": 40}
        assert all(served[here] == hashes[-1] for served in release.hashes())
    assert len(set(hashes)) == 2
    assert "own-1" in release.get("routingpolicies", "modelled", "-o", "wide")
    for lost in (lambda: put("{}"), lambda: release.delete("configmap", "own-1")):
        before = references(release, "modelled", "True") or references(release, "modelled", "False", "ModelUnusable")
        lost()
        eventually(lambda before=before: references(release, "modelled", "False") not in {"", before}, seconds=15)
        assert release.condition("routingpolicy", "modelled", "Accepted")["status"] == "True"
        assert release.object("routingpolicy", "modelled")["status"]["tableHash"] == hashes[-1]


def references(release, name, status, reason=None):
    """The sentence of ResolvedRefs, when it has this status and reason; else an empty one."""
    found = release.condition("routingpolicy", name, "ResolvedRefs")
    return found["message"] if found.get("status") == status and reason in {None, found["reason"]} else ""


def classified_by(release, name, labels):
    """The status of a policy whose model has so many labels, once every proxy has it."""
    status = release.object("routingpolicy", name)["status"]
    return programmed(release, name) and status.get("classifier", {}).get("labels") == labels and status


def test_a_refused_edit_leaves_the_last_good_table_and_tells_why_where_users_look(release):
    """In the condition and in an Event: `kubectl describe` shows both."""
    release.apply(named("refused", tier()), routed("refused", "refused"))
    eventually(lambda: programmed(release, "refused"))
    good = release.tables()[f"{release.namespace}/refused"]
    release.apply(routed("refused", "misspelt"))
    condition = eventually(
        lambda: (found := release.condition("routingpolicy", "refused", "Accepted")).get("status") == "False" and found
    )
    assert "misspelt" in condition["message"]
    assert release.tables()[f"{release.namespace}/refused"] == good

    def told():
        events = json.loads(release.get("events.events.k8s.io", "-o", "json"))["items"]
        about = [event for event in events if event["regarding"]["name"] == "refused"]
        return [event["note"] for event in about if event["reason"] == condition["reason"]]

    assert "misspelt" in eventually(told)[0]


def test_a_deleted_policy_leaves_the_proxies(release):
    """Its ConfigMap goes, and with it what they serve; other policies stay."""
    release.apply(named("leaving", tier()), routed("leaving", "leaving"), routed("staying", "leaving"))
    for name in ("leaving", "staying"):
        eventually(lambda name=name: programmed(release, name))
    release.delete("routingpolicy", "leaving")
    eventually(lambda: not any(f"{release.namespace}/leaving" in served for served in release.hashes()))
    assert all(f"{release.namespace}/staying" in served for served in release.hashes())


def test_a_tampered_table_is_put_right(release):
    """Whoever deletes a ConfigMap of the release finds it again; an edit of another object is enough to look."""
    release.apply(named("tampered", tier()), routed("tampered", "tampered"))
    eventually(lambda: programmed(release, "tampered"))
    here = f"tierway.dev/policy-name=tampered,tierway.dev/release={release.name}"
    release.kubectl("delete", "configmap", "-l", here, f"--namespace={release.namespace}")
    release.apply(named("something", tier()))
    eventually(lambda: f"{release.namespace}/tampered" in release.tables())


def test_a_missing_verb_shows(release):
    """In the status of who needs it, by the API server's own sentence; others go on."""
    provider = {"name": "us", "baseURL": "https://api.example.com/v1", "credentialRef": {"name": "hidden", "key": "k"}}
    binding = f"tierway:{release.namespace}:tw:credentials"
    saved = release.object("rolebinding", binding)
    release.delete("rolebinding", binding)
    try:
        release.apply(named("hidden", tier({"spec.providers": [provider]})))
        condition = eventually(
            lambda: (
                (found := release.condition("modeltier", "hidden", "ResolvedRefs")).get("reason") == "ReadFailed"
                and found
            )
        )
        assert "cannot list" in condition["message"]
        release.apply(named("open", tier()), routed("open", "open"))
        eventually(lambda: programmed(release, "open"))
    finally:
        del saved["metadata"]["resourceVersion"], saved["metadata"]["uid"]
        release.apply(saved)


def test_health_and_metrics_are_served(release):
    """For the kubelet and for Prometheus; ready, because both kinds were listed lately."""
    at = f"http://127.0.0.1:{release.health_port}"
    assert get(f"{at}/healthz") == (200, "ok")
    assert get(f"{at}/readyz") == (200, "ok")
    assert "tierway_operator_refused_status_writes_total 0.0" in get(f"{at}/metrics")[1]


def test_the_operator_ends_in_time_when_asked(release):
    """Within a pod's grace period, with code 0, and it starts again."""
    child = release.child("operator")
    os.killpg(child.pid, signal.SIGTERM)
    assert child.wait(10)
    assert child.ended() == 0
    release.start_operator()
    eventually(lambda: get(f"http://127.0.0.1:{release.health_port}/readyz")[0] == 200)


def test_an_uninstall_takes_along_what_the_operator_wrote(release):
    """Tables, keys and tally are owned by its ServiceAccount; users' objects stay. Last here: it ends the release."""

    def written():
        found = release.get("secrets,configmaps", "-o", "name", "--ignore-not-found").split()
        return [name for name in found if f"/{release.name}-" in name]

    assert {f"secret/{release.name}-keys", f"configmap/{release.name}-tally"} < set(written())
    release.stop()
    release.plane.helm("uninstall", release.name, f"--namespace={release.namespace}")
    eventually(lambda: not written(), seconds=90)  # the garbage collector pauses while it learns of new kinds
    assert release.get("modeltiers", "-o", "name")
