"""All that the operator asks the API server for, from its start on: RBAC knows no labels, so its requests must."""

import os
import re
import signal

import pytest

from tests.kubernetes.releases import eventually, get, released
from tests.kubernetes.test_operator import named, programmed, routed
from tests.operator.worlds import model_map, model_text
from tests.resources.documents import tier

pytestmark = pytest.mark.kubernetes

LABELLED = {"labelSelector": "tierway.dev/credential=true"}
LIFE = [
    # (method, path, what of the query must be so); {ns}: the release's namespace, which is the one that it serves
    ("GET", "/apis/tierway.dev/v1alpha1/namespaces/{ns}/(modeltiers|routingpolicies)", {}),
    ("GET", "/apis/tierway.dev/v1alpha1/namespaces/{ns}/(modeltiers|routingpolicies)", {"watch": "true"}),
    ("PATCH", "/apis/tierway.dev/v1alpha1/namespaces/{ns}/(modeltiers|routingpolicies)/[a-z]+/status", {}),
    ("GET", "/api/v1/namespaces/{ns}/secrets", LABELLED),
    ("(GET|PATCH)", "/api/v1/namespaces/{ns}/secrets/tw-keys", {}),
    ("GET", "/api/v1/namespaces/{ns}/configmaps", {"labelSelector": "tierway.dev/release=tw"}),
    ("GET", "/api/v1/namespaces/{ns}/configmaps/(own|authorities)", {}),
    ("(PATCH|DELETE)", "/api/v1/namespaces/{ns}/configmaps/tw-table-[0-9a-f]{{16}}", {}),
    ("(GET|PATCH)", "/api/v1/namespaces/{ns}/configmaps/tw-tally", {}),
    ("GET", "/apis/discovery.k8s.io/v1/namespaces/{ns}/endpointslices", {}),
    ("POST", "/apis/events.k8s.io/v1/namespaces/{ns}/events", {}),
    ("POST", "/apis/coordination.k8s.io/v1/namespaces/{ns}/leases", {}),
    ("(GET|PATCH)", "/apis/coordination.k8s.io/v1/namespaces/{ns}/leases/tierway", {}),
    ("GET", "/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/roles/tierway:{ns}:tw:objects", {}),
    ("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {}),
    # what kinds there are, which everybody may know
    ("GET", "/(version|api(/v1)?|apis(/[a-z0-9.]+/v[a-z0-9]+)?)", {}),
]
PROVIDER = {
    "name": "us",
    "baseURL": "https://api.example.com/v1",
    "credentialRef": {"name": "provider", "key": "k"},
    "caBundleRef": {"name": "authorities", "key": "ca.crt"},
}


@pytest.fixture(scope="module")
def life(control_plane, tmp_path_factory):
    """A release, and all requests of its operator: policies, keys that come, change and go, two starts, a deletion."""
    with released(control_plane, tmp_path_factory.mktemp("requests")) as release:
        release.record()
        release.apply(secret("unlabelled", "hidden", label="false"))
        release.start_operator()
        release.start_proxies()
        own = {"classifier": {"modelRef": {"name": "own"}, "boundaries": {"moderatePercent": 45, "complexPercent": 40}}}
        modelled = routed("modelled", "plain")
        release.apply(
            named("plain", tier()),
            named("keyed", tier({"spec.providers": [PROVIDER]})),
            routed("keyed", "keyed"),
            modelled | {"spec": modelled["spec"] | own},
        )
        eventually(lambda: release.condition("routingpolicy", "keyed", "Accepted").get("status") == "False")
        release.apply(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "authorities"}, "data": {"ca.crt": "PEM"}},
            model_map("own", namespace=release.namespace, **{"model.json": model_text()}),
        )
        for key in ("sk-first", "sk-second"):
            release.apply(secret("provider", key))
            eventually(lambda key=key: key in stored(release), seconds=15)
        for name in ("keyed", "modelled"):
            eventually(lambda name=name: programmed(release, name), seconds=15)
        restart(release)
        release.delete("routingpolicy", "keyed")
        eventually(lambda: f"{release.namespace}/keyed" not in release.tables())
        release.delete("secret", "provider")
        eventually(lambda: "sk-second" not in stored(release), seconds=15)
        yield release, list(release.recorded)


def secret(name, key, label="true"):
    metadata = {"name": name, "labels": {"tierway.dev/credential": label}}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"k": key}}


def stored(release):
    """Provider keys in the release's own Secret."""
    decoded = "go-template={{range .data}}{{. | base64decode}} {{end}}"
    return release.get("secret/tw-keys", "-o", decoded)


def restart(release):
    child = release.child("operator")
    os.killpg(child.pid, signal.SIGTERM)
    assert child.wait(10)
    release.start_operator()
    eventually(lambda: get(f"http://127.0.0.1:{release.health_port}/readyz")[0] == 200)


def is_one(request, namespace, method, path, query):
    return (
        re.fullmatch(method, request.method)
        and re.fullmatch(path.format(ns=namespace), request.path)
        and query.items() <= request.query.items()
    )


def test_it_asks_for_nothing_that_is_not_written_here(life):
    """Every request of its life is in the table above: what a token may do more is never used."""
    release, requests = life
    strange = [request for request in requests if not any(is_one(request, release.namespace, *each) for each in LIFE)]
    assert [(request.method, request.path, request.query) for request in strange] == []


def test_secrets_are_listed_by_label_and_only_the_releases_own_is_read_by_name(life):
    """Whole ones and their metadata alike; nothing is watched, and no unlabelled Secret ever leaves the API server."""
    release, requests = life
    secrets = [request for request in requests if "/secrets" in request.path]
    lists = [request for request in secrets if request.path.endswith("/secrets")]
    assert lists
    assert all(request.query.get("labelSelector") == "tierway.dev/credential=true" for request in lists)
    assert not any("watch" in request.query for request in secrets)
    own = f"/api/v1/namespaces/{release.namespace}/secrets/tw-keys"
    assert {request.path for request in secrets if request not in lists} == {own}
    # what is asked for every few seconds brings no key
    looks = [request for request in lists if request.query.get("resourceVersion") == "0"]
    assert looks
    assert all("PartialObjectMetadataList" in request.accept for request in looks)


def test_what_it_has_to_do_was_done_by_these_requests(life):
    """Else the tests above would show nothing."""
    release, requests = life
    idle = [each for each in LIFE if not any(is_one(request, release.namespace, *each) for request in requests)]
    assert idle == []
