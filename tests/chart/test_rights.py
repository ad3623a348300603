"""Who may do what, by the rendered Roles and bindings: the lists that a reviewer reads, in each way to cut a cluster.

docs/security.md says why. That nothing is missing, the tests with running processes show; what the API server makes of
it, `tests/kubernetes/test_chart.py` and the tests on real pods.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.chart.rendered import ROOT, Chart, Rendered, settings, values

pytestmark = pytest.mark.kubernetes

READ = """
operator in {where}: list watch modeltiers.tierway.dev
operator in {where}: list watch routingpolicies.tierway.dev
operator in {where}: get {role}.rbac.authorization.k8s.io called tierway:tierway-system:tw:objects
"""
WRITTEN = """
operator in {where}: patch modeltiers/status.tierway.dev
operator in {where}: patch routingpolicies/status.tierway.dev
operator in {where}: create events.events.k8s.io
operator in {where}: create leases.coordination.k8s.io
operator in {where}: get patch leases.coordination.k8s.io called tierway
"""
CREDENTIALS = """
operator in {where}: list secrets
operator in {where}: get configmaps
"""
OWN = """
operator in tierway-system: list create patch delete configmaps
operator in tierway-system: get configmaps called tw-tally
operator in tierway-system: create secrets
operator in tierway-system: get patch secrets called tw-keys
operator in tierway-system: list endpointslices.discovery.k8s.io
proxy in tierway-system: list watch configmaps
proxy in tierway-system: get list watch secrets called tw-keys
"""
REVIEWS = "proxy in the cluster: create tokenreviews.authentication.k8s.io\n"
KEYS = "proxy in tierway-system: list watch secrets called outside-callers\n"
KINDS = {
    "modeltiers": "ModelTiers",
    "routingpolicies": "RoutingPolicies",
    "modeltiers/status": "status",
    "routingpolicies/status": "status",
    "events": "Events",
    "leases": "Lease",
    "clusterroles": "its own Role",
    "configmaps": "ConfigMap",
    "secrets": "Secret",
    "endpointslices": "EndpointSlices",
    "tokenreviews": "TokenReviews",
    "outside-callers": "`callers.keysSecret`",
}
READ_EVERYWHERE = READ.format(where="the cluster", role="clusterroles")
LLM = READ.format(where="llm", role="roles") + WRITTEN.format(where="llm") + CREDENTIALS.format(where="llm")
SERVED = "shared", "support", "research"


def _in(rights: str, *namespaces: str) -> str:
    return "".join(rights.format(where=each) for each in namespaces)


@pytest.mark.parametrize(
    ("file", "wanted"),
    [
        ("defaults", READ_EVERYWHERE + _in(WRITTEN, "the cluster") + OWN + REVIEWS),
        ("one-namespace", LLM + OWN + REVIEWS),
        (
            "many-namespaces",
            READ_EVERYWHERE + _in(WRITTEN, *SERVED) + _in(CREDENTIALS, *SERVED, "keys") + OWN + REVIEWS + KEYS,
        ),
        ("no-authentication", LLM + OWN),
    ],
)
def test_each_account_gets_these_rights_and_no_other(chart: Chart, file: str, wanted: str) -> None:
    """Word by word."""
    assert sorted(_rights(chart.rendered(values(file)))) == sorted(filter(None, wanted.splitlines()))


def test_a_single_namespace_and_no_authentication_need_no_right_over_the_cluster(chart: Chart) -> None:
    """Whoever may do nothing outside a namespace can install that, if the kinds are there."""
    rendered = chart.rendered(values("no-authentication"), *settings("crds.enabled=false"))
    assert [each["kind"] for each in rendered.documents if each["kind"].startswith(("Cluster", "Custom"))] == []


def test_nobody_else_is_given_anything(chart: Chart) -> None:
    """Each binding has one subject: an account of the release, that the release makes."""
    rendered = chart.rendered(values("many-namespaces"))
    for binding in rendered.of("RoleBinding") + rendered.of("ClusterRoleBinding"):
        (subject,) = binding["subjects"]
        assert (subject["kind"], subject["namespace"]) == ("ServiceAccount", "tierway-system")
        assert subject["name"] in rendered.names("ServiceAccount")


@pytest.mark.parametrize("who", ["operator", "proxy"])
def test_the_tables_of_security_md_have_these_rights_and_no_other(chart: Chart, who: str) -> None:
    """In its words, with each verb and each name."""
    given = {right.partition(": ")[2] for right in _rights(chart.rendered(values("many-namespaces"))) if who in right}
    said = list(_said(who))
    assert [right for right in given if not any(_means(clause, right) for clause in said)] == []
    assert [clause for clause in said if not any(_means(clause, right) for right in given)] == []


def _said(who: str) -> Iterator[str]:
    text = (ROOT / "docs/security.md").read_text()
    (rows,) = re.findall(rf"\| rights of `tierway-{who}` .*\n\|[-|]+\n((?:\|.*\n)+)", text)
    for row in rows.splitlines():
        yield from row.split(" | ")[0].lstrip("| ").split("; ")


def _means(clause: str, right: str) -> bool:
    """Whether a clause of a row means this right: the same verbs, the kind, and the name or none."""
    what, _, name = right.partition(" called ")
    *verbs, resource = what.split()
    kind, own = resource.partition(".")[0], name.startswith("tierway:")
    wanted = KINDS[name if name in KINDS else kind]
    named = "`" in clause or "own" in clause.split()
    return (
        re.findall(r"\b(?:get|list|watch|create|patch|delete)\b", clause) == verbs
        and wanted in clause
        and named == bool(name)
        and (not name or own or name.replace("tw-", "tierway-") in clause or name in KINDS)
    )


def _rights(rendered: Rendered) -> Iterator[str]:
    for binding in rendered.of("RoleBinding") + rendered.of("ClusterRoleBinding"):
        where = binding["metadata"].get("namespace", "the cluster")
        (role,) = [
            each
            for each in rendered.of(binding["roleRef"]["kind"])
            if each["metadata"]["name"] == binding["roleRef"]["name"]
            and each["metadata"].get("namespace", "the cluster") == where
        ]
        who = binding["subjects"][0]["name"].removeprefix("tw-")
        for rule in role["rules"]:
            yield from (f"{who} in {where}: {each}" for each in _words(rule))


def _words(rule: dict[str, Any]) -> Iterator[str]:
    (group,) = rule["apiGroups"]
    called = f" called {' '.join(rule['resourceNames'])}" if "resourceNames" in rule else ""
    for resource in rule["resources"]:
        yield f"{' '.join(rule['verbs'])} {resource}{'.' if group else ''}{group}{called}"
