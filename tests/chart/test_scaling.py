"""How many proxies there are, where they run, and how one goes."""

import pytest

from tests.chart.rendered import Chart, settings, values

pytestmark = pytest.mark.kubernetes

SELECTOR = {"component": "proxy", "instance": "tw", "name": "tierway"}
LABELS = {f"app.kubernetes.io/{key}": value for key, value in SELECTOR.items()}


def test_proxies_are_replaced_before_they_go_and_end_with_their_last_stream(chart: Chart) -> None:
    """No rollout takes a place away; the sleep outlasts the news that the pod leaves."""
    rendered = chart.rendered()
    rolling = rendered.one("Deployment", "tw-proxy")["spec"]["strategy"]
    assert rolling == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    assert rendered.container("proxy")["lifecycle"] == {"preStop": {"sleep": {"seconds": 5}}}
    assert rendered.pod("proxy")["spec"]["terminationGracePeriodSeconds"] == 300


def test_there_is_one_operator_and_never_two(chart: Chart) -> None:
    """Whatever the values."""
    for flags in ((), (values("all-options"),)):
        operator = chart.rendered(*flags).one("Deployment", "tw-operator")["spec"]
        assert (operator["replicas"], operator["strategy"]) == (1, {"type": "Recreate"})


def test_an_autoscaler_decides_alone(chart: Chart) -> None:
    """With `replicas` in the Deployment, every upgrade would reset what it decided."""
    scaled, fixed = chart.rendered(values("autoscaling")), chart.rendered()
    assert "replicas" not in scaled.one("Deployment", "tw-proxy")["spec"]
    spec = scaled.one("HorizontalPodAutoscaler", "tw-proxy")["spec"]
    assert spec["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "tw-proxy"}
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 6)
    assert fixed.one("Deployment", "tw-proxy")["spec"]["replicas"] == 2
    assert fixed.of("HorizontalPodAutoscaler") == []


@pytest.mark.parametrize(
    ("given", "budgets"),
    [
        (["proxy.replicas=2"], 1),
        (["proxy.replicas=1"], 0),
        (["proxy.replicas=1", "proxy.autoscaling.enabled=true"], 1),
        (["proxy.autoscaling.enabled=true", "proxy.autoscaling.minReplicas=1"], 0),
        (["proxy.podDisruptionBudget.enabled=false"], 0),
    ],
)
def test_a_drain_takes_proxies_one_by_one(chart: Chart, given: list[str], budgets: int) -> None:
    """A single one could never be drained, so it has no budget; neither has one that is not ready."""
    found = chart.rendered(*settings(*given)).of("PodDisruptionBudget")
    assert len(found) == budgets
    for each in found:
        assert each["spec"]["selector"]["matchLabels"] == LABELS
        assert (each["spec"]["maxUnavailable"], each["spec"]["unhealthyPodEvictionPolicy"]) == (1, "AlwaysAllow")


def test_proxies_are_spread_over_zones_and_nodes(chart: Chart) -> None:
    """Where that can be had; each rollout by itself."""
    spread = chart.rendered().pod("proxy")["spec"]["topologySpreadConstraints"]
    assert [each["topologyKey"] for each in spread] == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
    for each in spread:
        assert each["labelSelector"]["matchLabels"] == LABELS
        assert (each["whenUnsatisfiable"], each["matchLabelKeys"]) == ("ScheduleAnyway", ["pod-template-hash"])


def test_constraints_of_the_users_own_take_their_place(chart: Chart) -> None:
    """Whoever names no pods means the proxies."""
    (only,) = chart.rendered(values("all-options")).pod("proxy")["spec"]["topologySpreadConstraints"]
    assert only["topologyKey"] == "topology.kubernetes.io/zone"
    assert only["whenUnsatisfiable"] == "DoNotSchedule"
    assert only["labelSelector"]["matchLabels"] == LABELS
