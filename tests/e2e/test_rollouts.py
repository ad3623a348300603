"""What happens to proxies and operator in a cluster's days, under load: nothing is lost that could be kept."""

import os
import re
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from localkube import Cluster
from tests.e2e.accounts import GONE_SECONDS, Counted, nothing_lost, only_streams_lost, wait_for_a_day_with_room
from tests.e2e.installation import CHART, FIGURES_SECONDS, Installation
from tests.e2e.load import Load
from tests.e2e.waiting import comes_to, eventually

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def installed(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """An older chart's release serves the example."""
    wait_for_a_day_with_room()
    installation.install(chart=_older_chart(tmp_path_factory.mktemp("older"), installation))
    installation.apply_example()
    installation.wait_until_programmed()
    return installation


def _older_chart(folder: Path, installation: Installation) -> Path:
    """This chart, packaged by an earlier version's name and with a field less in a kind."""
    chart = folder / "tierway"
    shutil.copytree(CHART, chart)
    kind = chart / "files/crds/routingpolicies.yaml"
    kind.write_text(_without_buffer_bytes(kind.read_text()))
    installation.helm("package", str(chart), "--version=0.0.9", f"--destination={folder}")
    return folder / "tierway-0.0.9.tgz"


def _without_buffer_bytes(kind: str) -> str:
    """A property is a line and all that is further in behind it."""
    older, cuts = re.subn(r"(?m)^( +)bufferBytes:\n(\1 .*\n)+", "", kind)
    assert cuts == 1
    return older


@pytest.fixture(scope="module")
def counted() -> Counted:
    return Counted()


def test_an_upgrade_brings_a_new_field_and_loses_nothing(installed: Installation, load: Load, counted: Counted) -> None:
    """From a chart that did not know it: kinds, operator and proxies change under way."""
    field = "routingpolicies.tierway.dev", "--output=jsonpath={..properties.streaming.properties.bufferBytes.type}"
    assert installed.get("crd", *field) == ""
    old = installed.pod_names("proxy")
    with nothing_lost(installed, load, counted):
        installed.upgrade()
        assert installed.get("crd", *field) == "integer"
        installed.patch("routingpolicy", "default", {"spec": {"streaming": {"bufferBytes": 32768}}})
        installed.wait_until_programmed()
    assert not old & installed.pod_names("proxy")


def test_a_restart_of_the_proxies_loses_nothing(installed: Installation, load: Load, counted: Counted) -> None:
    """`kubectl rollout restart`, one after the other."""
    old = installed.pod_names("proxy")
    with nothing_lost(installed, load, counted):
        _rollout(installed, "restart")
        _rollout(installed, "status")
    assert not old & installed.pod_names("proxy")
    installed.wait_until_programmed()


def _rollout(release: Installation, verb: str) -> None:
    options = ["--timeout=90s"] if verb == "status" else []
    release.kubectl("rollout", verb, "deployment/tierway-proxy", f"--namespace={release.namespace}", *options)


def test_scaling_to_three_and_to_one_loses_nothing(installed: Installation, load: Load, counted: Counted) -> None:
    """And back to two, as the next tests have it."""
    with nothing_lost(installed, load, counted):
        for replicas in (1, 3, 1, 2):
            here = f"--namespace={installed.namespace}"
            installed.kubectl("scale", "deployment/tierway-proxy", f"--replicas={replicas}", here)
            installed.wait_until_programmed(replicas)


def test_the_operators_pod_may_vanish_at_any_moment(installed: Installation, load: Load, counted: Counted) -> None:
    """No request meets it; the next one has counted all, and an edit arrives."""
    with nothing_lost(installed, load, counted):
        _force_delete(installed, installed.pods("operator")[0])
        installed.patch("routingpolicy", "default", {"spec": {"streaming": {"bufferBytes": 16384}}})
        installed.wait_until_programmed()


def test_after_all_that_the_totals_have_each_request(installed: Installation, counted: Counted) -> None:
    """What pods counted was read before they were gone, and what the operator knew before it was."""
    assert counted.least == counted.most > 0
    comes_to(installed.requests, counted.most, FIGURES_SECONDS)
    assert "incompleteSince" not in installed.today()


def _force_delete(release: Installation, pod: Any) -> None:
    here = f"--namespace={release.namespace}"
    release.kubectl("delete", "pod", pod["metadata"]["name"], here, "--grace-period=0", "--force")


def test_a_proxys_pod_may_vanish_at_any_moment(
    installed: Installation, load: Load, counted: Counted, cluster: Cluster
) -> None:
    """`kubectl delete pod --grace-period=0`: nobody waits for its streams.

    The object is gone at once; the kubelet ends the process seconds later, and until then open connections reach it.
    """
    pod = installed.pods("proxy")[0]
    with only_streams_lost(installed, pod, load, counted):
        _force_delete(installed, pod)
        eventually(lambda: not cluster.processes(pod["metadata"]["uid"]), GONE_SECONDS, "the pod's processes are gone")


def test_a_killed_proxy_starts_again(installed: Installation, load: Load, counted: Counted, cluster: Cluster) -> None:
    """`kill -9` of the process; the kubelet starts another in the same pod, which goes on with the tables it kept."""
    pod = installed.pods("proxy")[0]
    with only_streams_lost(installed, pod, load, counted):
        for process, command in cluster.processes(pod["metadata"]["uid"]).items():
            if "tierway_proxy" in command:
                os.kill(process, signal.SIGKILL)
    restarts = installed.object("pod", pod["metadata"]["name"])["status"]["containerStatuses"][0]["restartCount"]
    assert restarts == 1
