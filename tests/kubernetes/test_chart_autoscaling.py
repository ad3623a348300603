"""Proxies of a release that gets an autoscaler: as many as there were, if their number is not helm's to take away."""

import secrets
from collections.abc import Callable, Iterator

import pytest

from localkube import ControlPlane
from tests.chart.rendered import CHART, settings

pytestmark = pytest.mark.kubernetes

FIXED = settings("crds.enabled=false", "proxy.replicas=4")  # other tests have the kinds in this cluster
SCALED = settings("proxy.autoscaling.enabled=true", "proxy.autoscaling.minReplicas=2")


@pytest.fixture
def on_deployment(control_plane: ControlPlane) -> Iterator[Callable[..., str]]:
    """`kubectl VERB` on the proxies' Deployment; `upgrade` turns the autoscaler on."""
    here, kubectl, helm = f"scaled-{secrets.token_hex(3)}", control_plane.kubectl, control_plane.helm

    def run(verb: str, *flags: str) -> str:
        if verb == "upgrade":
            return helm("upgrade", "tw", str(CHART), f"--namespace={here}", "--reset-then-reuse-values", *SCALED)
        return kubectl(verb, "deployment/tw-proxy", f"--namespace={here}", *flags)

    helm("install", "tw", str(CHART), f"--namespace={here}", "--create-namespace", *FIXED)
    yield run
    helm("uninstall", "tw", f"--namespace={here}")
    kubectl("delete", "namespace", here, "--wait=false")


def _replicas(on_deployment: Callable[..., str]) -> str:
    return on_deployment("get", "--output=jsonpath={.spec.replicas}")


def test_a_number_that_was_scaled_to_stays_until_the_autoscaler_decides(on_deployment: Callable[..., str]) -> None:
    """As values.yaml advises: the field is kubectl's then, and helm leaves it."""
    on_deployment("scale", "--replicas=5")
    on_deployment("upgrade")
    assert _replicas(on_deployment) == "5"


def test_a_number_that_only_the_values_gave_goes_with_them(on_deployment: Callable[..., str]) -> None:
    """Why it is advised: the API server's default is one, which the autoscaler raises to its minimum in time."""
    on_deployment("upgrade")
    assert _replicas(on_deployment) in {"1", "2"}
