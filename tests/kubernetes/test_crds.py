"""A real API server and the folder's validation agree: verdict, field, and the sentence of a rule."""

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client, config

from localkube import ControlPlane, Tool
from tests.resources.bad import Bad
from tests.resources.bad_objects import REFUSED, UNKNOWN_FIELDS
from tests.resources.documents import policy, tier
from tests.resources.good_objects import ACCEPTED
from tierway_operator.crds import committed_crds
from tierway_operator.resources import API_VERSION, GROUP, VERSION
from tierway_operator.resources.status import ModelTierStatus, RoutingPolicyStatus
from tierway_operator.validation import Accepted, Refused, Validator

pytestmark = pytest.mark.kubernetes

ROOT = Path(__file__).parents[2]
PLURALS = {"ModelTier": "modeltiers", "RoutingPolicy": "routingpolicies"}
VALIDATOR = Validator(committed_crds())
QUICKSTART = {
    file.name: document
    for file in sorted((ROOT / "examples" / "quickstart").glob("*.yaml"))
    if (document := yaml.safe_load(file.read_text(encoding="utf-8")))["kind"] in PLURALS
}
NOWHERE = "<nil>"  # what the API server says once more, without a field: that rules wait, that a format is broken
PUBLISHED = f"/openapi/v3/apis/{API_VERSION}"
SECONDS = 20


class Api:
    """Creates objects as kubectl does, without keeping them."""

    def __init__(self, kubeconfig: Path) -> None:
        self._objects = client.CustomObjectsApi(config.new_client_from_config(str(kubeconfig)))

    def create(self, document: Mapping[str, Any], fields: str = "Strict") -> dict[str, Any]:
        """Return what would be stored. Raises client.ApiException."""
        where = {"group": GROUP, "version": VERSION, "namespace": "default", "plural": PLURALS[document["kind"]]}
        body = {**document, "metadata": {**document["metadata"], "namespace": "default"}}
        return dict(
            self._objects.create_namespaced_custom_object(**where, body=body, dry_run="All", field_validation=fields)
        )


@pytest.fixture(scope="module")
def api(control_plane: ControlPlane) -> Iterator[Api]:
    """The API server, with both definitions; they are removed again unless somebody else put them there."""
    kubectl = control_plane.kubectl
    names = [f"crd/{plural}.{GROUP}" for plural in PLURALS.values()]
    there = kubectl("get", *names, "--ignore-not-found", "-o", "name")
    kubectl("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "deploy" / "crds"))
    kubectl("wait", "--for=condition=Established", *names, "--timeout=10s")
    yield Api(control_plane.kubeconfig)
    if not there:
        kubectl("delete", *names)


@pytest.fixture(scope="module")
def published(api: Api, control_plane: ControlPlane) -> dict[str, Any]:
    """The schemas that kubectl explains from, by kind; they follow a new definition after a moment."""
    del api
    end = time.monotonic() + SECONDS
    while API_VERSION not in control_plane.kubectl("get", "--raw", "/openapi/v3") and time.monotonic() < end:
        time.sleep(0.1)
    schemas = json.loads(control_plane.kubectl("get", "--raw", PUBLISHED))["components"]["schemas"]
    return {kind: schemas[f"dev.tierway.{VERSION}.{kind}"] for kind in PLURALS}


def _refused(api: Api, document: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the API server's messages by field."""
    with pytest.raises(client.ApiException) as refusal:
        api.create(document)
    causes = json.loads(refusal.value.body)["details"]["causes"]
    by_field: dict[str, list[str]] = {}
    for each in causes:
        if each["field"] != NOWHERE:
            by_field.setdefault(each["field"], []).append(each["message"])
    return by_field


@pytest.mark.parametrize("bad", REFUSED, ids=lambda bad: bad.what)
def test_both_refuse_the_same_fields(api: Api, bad: Bad) -> None:
    """A folder blames the very fields that a cluster blames, and says the same sentence where a rule speaks."""
    theirs = _refused(api, bad.document)
    ours = VALIDATOR.validate(bad.document)

    assert isinstance(ours, Refused)
    assert {each.field for each in ours.refusals} == theirs.keys()
    assert bad.field in theirs
    if bad.rule:
        sentences = [each.message for each in ours.refusals if each.field == bad.field]
        assert [each for each in sentences if not any(message.endswith(each) for message in theirs[bad.field])] == []


@pytest.mark.parametrize("bad", UNKNOWN_FIELDS, ids=lambda bad: bad.what)
def test_both_refuse_unknown_fields_in_the_same_words_and_prune_them_alike(api: Api, bad: Bad) -> None:
    """Strict is kubectl's way; other clients lose the field."""
    with pytest.raises(client.ApiException) as refusal:
        api.create(bad.document)
    pruned = VALIDATOR.validate(bad.document, "Prune")

    assert refusal.value.status == 400
    assert f'unknown field "{bad.field}"' in json.loads(refusal.value.body)["message"]
    assert isinstance(pruned, Accepted)
    assert pruned.object["spec"] == api.create(bad.document, fields="Ignore")["spec"]


@pytest.mark.parametrize("document", [*ACCEPTED.values(), *QUICKSTART.values()], ids=[*ACCEPTED, *QUICKSTART])
def test_both_accept_and_would_store_the_same(api: Api, document: dict[str, Any]) -> None:
    """Defaults are filled, nulls and status dropped, by both alike."""
    ours = VALIDATOR.validate(document)

    assert isinstance(ours, Accepted)
    theirs = api.create(document)
    assert {key: theirs[key] for key in theirs if key != "metadata"} == {
        key: ours.object[key] for key in ours.object if key != "metadata"
    }


def test_every_field_is_explained(published: dict[str, Any], kubectl: Tool) -> None:
    """What kubectl explains is whole and reads like a manual."""
    bare = [
        path
        for kind, schema in published.items()
        for half in ("spec", "status")
        for path in _undescribed(schema["properties"][half], f"{kind}.{half}")
    ]
    manual = " ".join(kubectl("explain", "modeltier.spec.models.limits").split())

    assert bare == []
    assert "Longest time to first token, in milliseconds, from sending the request to the first token" in manual


def _undescribed(schema: Mapping[str, Any], path: str) -> Iterator[str]:
    if not schema.get("description"):
        yield path
    for name, part in schema.get("items", schema).get("properties", {}).items():
        yield from _undescribed(part, f"{path}.{name}")


CONDITION = {
    "type": "Ready",
    "status": "True",
    "observedGeneration": 1,
    "lastTransitionTime": "2026-11-24T14:00:00Z",
    "reason": "Accepted",
    "message": "All is well.",
}
TIER_STATUS = {
    "conditions": [CONDITION],
    "observedGeneration": 1,
    "models": [
        {
            "name": "m1",
            "requests": 120,
            "errors": 1,
            "fallbacks": 2,
            "ttft": {"p50Milliseconds": 104, "p95Milliseconds": 118, "p99Milliseconds": 130, "censoredPercent": 1},
            "outputTokensPerSecond": {"p50": 72, "p5": 66},
            "ttlt": {"p50Milliseconds": 900, "p95Milliseconds": 2100, "p99Milliseconds": 3000},
            "cost": "0.240001",
            "outputTokens": 24000,
            "costPerMillionOutputTokens": "10.000042",
            "effectiveLimits": {
                "maxTTFTMilliseconds": 160,
                "maxTTFTPer1KInputTokensMilliseconds": 0,
                "minOutputTokensPerSecond": 65,
            },
            "breaker": "Closed",
        }
    ],
    "today": {"date": "2026-11-24", "requests": 120, "cost": "0.240001", "outputTokens": 24000},
    "summary": {
        "models": "1/1",
        "ttftP95": "≥160ms",
        "limit": "160ms",
        "tokensPerSecond": "72",
        "errors": "0.8%",
        "costToday": "0.24",
    },
}
POLICY_STATUS = {
    "conditions": [CONDITION],
    "observedGeneration": 1,
    "programmedGeneration": 1,
    "tableHash": "0f" * 32,
    "classifier": {"model": "support-3f9c2a1b", "labels": 40},
    "proxies": {"desired": 2, "programmed": 2},
    "today": {
        "date": "2026-11-24",
        "requests": {"simple": 70, "moderate": 30, "complex": 15, "pinned": 5},
        "cost": "1.02",
        "baselineCost": "5.4",
        "savedPercent": 81,
        "fallbacks": 3,
        "shed": 0,
        "incompleteSince": "2026-11-24T13:00:00Z",
    },
    "summary": {"requests": "120", "spendToday": "1.02", "saved": "81%", "programmed": "2/2"},
}


def test_a_full_status_is_kept_and_shows_in_the_columns(api: Api, kubectl: Tool, namespace: str) -> None:
    """What the operator's models write, the schema takes whole, and `kubectl get` prints."""
    del api
    here = f"--namespace={namespace}"
    statuses = {
        "modeltier/small": (ModelTierStatus, TIER_STATUS),
        "routingpolicy/default": (RoutingPolicyStatus, POLICY_STATUS),
    }
    for document in (tier(), policy()):
        kubectl("create", "-f", "-", here, stdin=json.dumps(document))

    for name, (model, status) in statuses.items():
        written = model.model_validate(status).model_dump(by_alias=True, exclude_none=True, mode="json")
        assert written == status
        patch = json.dumps({"status": written})
        kubectl("patch", name, here, "--subresource=status", "--type=merge", "--patch", patch)
        assert json.loads(kubectl("get", name, here, "-o", "json"))["status"] == status

    tiers, policies = kubectl("get", "tierway", here).strip().split("\n\n")
    assert tiers.split()[:-1] == [
        *("NAME", "MODELS", "TTFT-P95", "LIMIT", "TOK/S", "ERRORS", "COST-TODAY", "READY", "AGE"),
        *("modeltier.tierway.dev/small", "1/1", "≥160ms", "160ms", "72", "0.8%", "0.24", "True"),
    ]
    assert policies.split()[:-1] == [
        *("NAME", "REQUESTS", "SPEND", "SAVED", "PROGRAMMED", "READY", "AGE"),
        *("routingpolicy.tierway.dev/default", "120", "1.02", "81%", "2/2", "True"),
    ]
    assert kubectl("get", "mtier,rpolicy", here, "-o", "name").split() == [
        "modeltier.tierway.dev/small",
        "routingpolicy.tierway.dev/default",
    ]
    wide = kubectl("get", "rpolicy", here, "-o", "wide")
    assert wide.split("\n")[0].split()[-6:] == ["BASELINE", "FALLBACKS", "SHED", "CLASSIFIER", "IN-FORCE", "REASON"]
    assert "support-3f9c2a1b" in wide
