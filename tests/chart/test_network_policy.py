"""Who may connect to which port.

The shape is all that is shown: a plain CNI, as that of the tests' node, enforces nothing.
"""

from typing import Any

import pytest

from tests.chart.rendered import Chart, settings, values

pytestmark = pytest.mark.kubernetes

ANYBODY = None


def _of_release(component: str) -> dict[str, Any]:
    names = {"name": "tierway", "instance": "tw", "component": component}
    return {"matchLabels": {f"app.kubernetes.io/{key}": value for key, value in names.items()}}


PROMETHEUS = {"namespaceSelector": {}, "podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}}}
OPERATOR, TEST = {"podSelector": _of_release("operator")}, {"podSelector": _of_release("test")}


def _allowed(chart: Chart, component: str, *flags: str) -> dict[int, Any]:
    """Return peers by port, of the only policy of those pods."""
    policies = chart.rendered(*flags).of("NetworkPolicy")
    (policy,) = [each["spec"] for each in policies if each["spec"]["podSelector"] == _of_release(component)]
    assert policy["policyTypes"] == ["Ingress"]  # proxies call providers, wherever these are
    return {port["port"]: rule.get("from", ANYBODY) for rule in policy["ingress"] for port in rule["ports"]}


def test_anybody_may_call_but_the_admin_port_is_the_operators_and_prometheus(chart: Chart) -> None:
    """By default."""
    assert _allowed(chart, "proxy") == {8080: ANYBODY, 9090: [OPERATOR, PROMETHEUS]}
    assert _allowed(chart, "operator") == {8081: [PROMETHEUS]}


def test_callers_and_prometheus_are_who_the_values_say(chart: Chart) -> None:
    """And `helm test`, which calls."""
    callers = [{"namespaceSelector": {"matchLabels": {"tierway": "callers"}}}, {"ipBlock": {"cidr": "10.0.0.0/8"}}]
    vmagent = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}},
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": "vmagent"}},
    }
    assert _allowed(chart, "proxy", values("all-options")) == {8080: [*callers, TEST], 9090: [OPERATOR, vmagent]}
    assert _allowed(chart, "operator", values("all-options")) == {8081: [vmagent]}


def test_a_label_of_the_users_own_takes_the_place_of_the_usual_one(chart: Chart) -> None:
    """Helm adds maps up: a default in values.yaml would stand beside it, and no pod has both."""
    given = settings("networkPolicy.prometheus.podSelector.matchLabels.app=vmagent")
    (peer,) = _allowed(chart, "operator", *given)[8081]
    assert peer == {"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "vmagent"}}}


def test_the_policies_select_the_pods_and_their_ports(chart: Chart) -> None:
    """Labels and numbers are those of the Deployments."""
    rendered = chart.rendered()
    for component in ("operator", "proxy"):
        labels = rendered.pod(component)["metadata"]["labels"]
        assert _of_release(component)["matchLabels"].items() <= labels.items()
        ports = {port["containerPort"] for port in rendered.container(component)["ports"]}
        assert set(_allowed(chart, component)) == ports
    assert TEST["podSelector"]["matchLabels"].items() <= rendered.one("Pod", "tw-test")["metadata"]["labels"].items()


def test_they_can_be_left_out(chart: Chart) -> None:
    """For whoever writes his own."""
    assert chart.rendered(*settings("networkPolicy.enabled=false")).of("NetworkPolicy") == []
