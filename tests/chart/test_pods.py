"""What stands in the pods: image, flags, probes, and who they are."""

import pytest

from tests.chart.rendered import Chart, settings, values

pytestmark = pytest.mark.kubernetes

DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("given", "image"),
    [
        ([], "ghcr.io/tierway/tierway:0.1.0"),
        (["image.repository=mirror/tierway", "image.tag=dev"], "mirror/tierway:dev"),
        (["image.tag=dev", f"image.digest={DIGEST}"], f"ghcr.io/tierway/tierway@{DIGEST}"),
    ],
)
def test_all_pods_have_one_image(chart: Chart, given: list[str], image: str) -> None:
    """The chart's own version, unless something else is said; a digest is the last word."""
    rendered = chart.rendered(*settings(*given))
    (test,) = rendered.one("Pod", "tw-test")["spec"]["containers"]
    containers = rendered.container("operator"), rendered.container("proxy"), test
    assert {each["image"] for each in containers} == {image}


@pytest.mark.parametrize(
    ("given", "flags"),
    [
        ([], ["--authentication=Required", "--audience=tierway"]),
        (
            ["callers.audience=llm", "callers.keysSecret=outside"],
            ["--authentication=Required", "--audience=llm", "--caller-keys-secret=outside"],
        ),
        (["callers.authentication=None"], ["--authentication=None"]),
    ],
)
def test_proxies_are_told_who_callers_are(chart: Chart, given: list[str], flags: list[str]) -> None:
    """Authentication is on unless it is turned off."""
    arguments = chart.rendered(*settings(*given)).container("proxy")["args"]
    assert [each for each in arguments if each.startswith(("--auth", "--aud", "--caller"))] == flags


@pytest.mark.parametrize("component", ["operator", "proxy"])
def test_a_slow_start_is_no_death(chart: Chart, component: str) -> None:
    """Liveness begins after the start; being ready is another question than being alive."""
    container = chart.rendered().container(component)
    started, alive, ready = (container[f"{each}Probe"] for each in ("startup", "liveness", "readiness"))
    assert started["httpGet"] == alive["httpGet"]
    assert (alive["httpGet"]["path"], ready["httpGet"]["path"]) == ("/healthz", "/readyz")
    assert started["periodSeconds"] * started["failureThreshold"] >= 60


def test_who_knows_only_the_service_account_gets_no_token(chart: Chart) -> None:
    """Tokens are mounted by name, into the container that needs one; a test pod has a caller's, and no other."""
    rendered = chart.rendered()
    pods = [rendered.pod(each)["spec"] for each in ("operator", "proxy")] + [rendered.one("Pod", "tw-test")["spec"]]
    assert all(pod["automountServiceAccountToken"] is False for pod in pods)
    assert all(account["automountServiceAccountToken"] is False for account in rendered.of("ServiceAccount"))
    (volume,) = pods[-1]["volumes"]
    (source,) = volume["projected"]["sources"]
    assert source["serviceAccountToken"]["audience"] == "tierway"
    assert "volumes" not in chart.rendered(values("no-authentication")).one("Pod", "tw-test")["spec"]


def test_placement_and_marks_of_the_user_reach_the_pods(chart: Chart) -> None:
    """Those of the proxies the test pod too, since it must run where they can."""
    rendered = chart.rendered(values("all-options"))
    templates = [rendered.pod("operator"), rendered.pod("proxy")]
    for each in templates:
        assert each["metadata"]["annotations"] == {"example.com/owner": "platform"}
        assert each["metadata"]["labels"]["example.com/team"] == "platform"
    for spec in [*(each["spec"] for each in templates), rendered.one("Pod", "tw-test")["spec"]]:
        assert spec["nodeSelector"] == {"kubernetes.io/os": "linux"}
        assert spec["tolerations"][0]["key"] == "dedicated"
        assert "nodeAffinity" in spec["affinity"]
        assert spec["priorityClassName"] == "system-cluster-critical"
        assert spec["imagePullSecrets"] == [{"name": "registry"}]
