"""Callers of a running proxy prove themselves to a real API server: tokens of ServiceAccounts, and static keys."""

import json

import pytest
from openai import APIStatusError, OpenAI

from tests.kubernetes.releases import eventually, get, released
from tests.proxy.payloads import state, table

pytestmark = pytest.mark.kubernetes

KEY = "a-key-of-sixteen-characters"


@pytest.fixture(scope="module")
def release(control_plane, tmp_path_factory):
    """One release that wants keys, with two proxies and a policy."""
    values = ("callers.authentication=Required", "callers.keysSecret=callers")
    with released(control_plane, tmp_path_factory.mktemp("release"), "tw", None, *values) as release:
        release.proxy_flags = ("--authentication=Required", "--caller-keys-secret=callers")
        apply(release, {"kind": "Secret", "metadata": {"name": "tw-keys"}, "stringData": {"token": "t"}})
        apply(release, {"kind": "Secret", "metadata": {"name": "callers"}, "stringData": {"batch": KEY}})
        labels = {"tierway.dev/release": "tw"}
        data = {"table.json": table("llm/default"), "state.json": state("llm/default")}
        apply(release, {"kind": "ConfigMap", "metadata": {"name": "default", "labels": labels}, "data": data})
        release.start_proxies()
        yield release


def apply(release, found):
    here = f"--namespace={release.namespace}"
    release.kubectl("apply", "--server-side", here, "-f", "-", stdin=json.dumps({"apiVersion": "v1"} | found))


@pytest.fixture
def account(release):
    """A function that makes a ServiceAccount and gives its token."""

    def made(name, audience="tierway", seconds=3600):
        apply(release, {"kind": "ServiceAccount", "metadata": {"name": name}})
        return release.plane.token(release.namespace, name, audiences=[audience], seconds=seconds)

    return made


def said(release, key, place=0):
    """What the real client gets from a proxy: None for a list of models, else the error."""
    url = f"{release.url(release.stand_ins[place])}/llm/default/v1"
    with OpenAI(base_url=url, api_key=key, max_retries=0) as client:
        try:
            client.models.list()
        except APIStatusError as error:
            return error
    return None


def test_a_token_made_for_us_is_served_by_every_proxy(release, account):
    """Asked of the API server under the proxies' own right, and no other is needed."""
    token = account("frontend")
    assert [said(release, token, place) for place in range(2)] == [None, None]


def test_a_token_made_for_others_is_not(release, account):
    """Also one for the API server itself, which every pod has: it could be sent on to the API server."""
    refused = said(release, account("other", audience="vault"))
    assert (refused.status_code, refused.code) == (401, "invalid_api_key")
    assert "made for 'vault' and not for 'tierway'" in refused.message
    assert said(release, account("other", audience="https://kubernetes.default.svc")).status_code == 401


def test_a_forged_token_is_not(release, account):
    """Its claims are right and its signature is not."""
    token = account("forged")
    refused = said(release, token[:-8] + ("A" * 8 if token[-8:] != "A" * 8 else "B" * 8))
    assert refused.status_code == 401
    assert "does not accept this token" in refused.message


def test_the_token_of_a_deleted_service_account_is_refused_within_a_minute(release, account):
    """A verdict is believed that long."""
    token = account("leaver")
    assert said(release, token) is None
    release.kubectl("delete", "serviceaccount", "leaver", f"--namespace={release.namespace}")
    eventually(lambda: said(release, token) is not None, seconds=75)
    assert said(release, token).status_code == 401


def test_a_static_key_is_served_until_it_leaves_its_secret(release):
    """Within a second, by a watch of that Secret alone."""
    eventually(lambda: said(release, KEY) is None)
    apply(release, {"kind": "Secret", "metadata": {"name": "callers"}, "stringData": {"night": KEY + "2"}, "data": {}})
    release.kubectl(
        "patch", "secret", "callers", f"--namespace={release.namespace}", "--type=json",
        '--patch=[{"op": "remove", "path": "/data/batch"}]',
    )  # fmt: skip
    eventually(lambda: said(release, KEY) is not None, seconds=2)
    assert said(release, KEY + "2") is None


def test_an_api_server_that_is_away_takes_nobody_away_and_lets_nobody_in(release, account):
    """Nor does a proxy that is killed and started meanwhile; whoever is new waits for the API server."""
    known, new = account("known"), account("new")
    assert said(release, known) is None
    kept = release.folder / release.stand_ins[0].name / "callers.json"
    eventually(lambda: f"{release.namespace}/known" in kept.read_text())
    assert known not in kept.read_text()
    release.plane.kill("kube-apiserver")
    try:
        assert said(release, known) is None
        away = said(release, new)
        assert (away.status_code, away.code) == (503, "authentication_unavailable")
        release.child(release.stand_ins[0].name).kill()
        release.start_proxy(release.stand_ins[0])
        admin = release.stand_ins[0].admin_port
        eventually(lambda: get(f"http://127.0.0.1:{admin}/readyz")[0] == 200)
        assert said(release, known) is None
        assert said(release, new).status_code == 503
    finally:
        release.plane.start_again("kube-apiserver")
    eventually(lambda: said(release, new) is None)
