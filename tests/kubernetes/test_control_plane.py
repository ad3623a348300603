"""The control plane that the other tests stand on does what a cluster's does."""

import json
import os
import signal
import ssl
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from localkube import CommandError, ControlPlane, Tool
from localkube.access import Endpoint

pytestmark = pytest.mark.kubernetes

ROOT = Path(__file__).parents[2]
# A run of tests in the background was started deaf to Ctrl-C, and so would be its children.
HEARS_CTRL_C = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("localkube", run_name="__main__", alter_sys=True)
"""
AUDIENCE = "tierway.dev"
PROGRAMS = ["etcd", "kube-apiserver", "kube-controller-manager"]


def test_a_built_control_plane_is_ready_within_ten_seconds_and_leaves_nothing(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    """Ready means that a namespace gets its ServiceAccount; ended means no process and no file, also of kubectl."""
    begin = time.monotonic()
    with ControlPlane.started(tmp_path / "plane") as plane:
        seconds = time.monotonic() - begin
        plane.kubectl("create", "namespace", "fresh")
        plane.kubectl("wait", "--for=create", "serviceaccount/default", "--namespace=fresh", "--timeout=10s")
        pids = plane.pids()
        assert plane.port != control_plane.port
    assert seconds < 10
    assert list(pids) == PROGRAMS
    assert [pid for pid in pids.values() if _runs(pid)] == []
    assert list(tmp_path.iterdir()) == []


def test_a_service_account_without_a_role_is_refused(
    control_plane: ControlPlane, kubectl: Tool, namespace: str
) -> None:
    """RBAC decides, and the refusal names the account."""
    kubectl("create", "serviceaccount", "nobody", f"--namespace={namespace}")
    nobody = kubectl.using(control_plane.service_account_kubeconfig(namespace, "nobody"))
    with pytest.raises(CommandError, match=f"system:serviceaccount:{namespace}:nobody.*cannot list") as refused:
        nobody("get", "configmaps", f"--namespace={namespace}")
    assert "Forbidden" in refused.value.complaint


def test_a_service_account_with_a_role_may_do_just_that(
    control_plane: ControlPlane, kubectl: Tool, namespace: str
) -> None:
    """What a Role grants works at once; its neighbour verb does not."""
    here = f"--namespace={namespace}"
    kubectl("create", "serviceaccount", "reader", here)
    kubectl("create", "role", "reader", "--verb=list", "--resource=configmaps", here)
    kubectl("create", "rolebinding", "reader", "--role=reader", f"--serviceaccount={namespace}:reader", here)
    reader = kubectl.using(control_plane.service_account_kubeconfig(namespace, "reader"))
    reader("get", "configmaps", here)
    with pytest.raises(CommandError, match="cannot create"):
        reader("create", "configmap", "mine", here)


def test_a_user_is_known_by_name_and_groups(control_plane: ControlPlane, kubectl: Tool) -> None:
    """A user's certificate carries both, and grants nothing by itself."""
    jane = kubectl.using(control_plane.user_kubeconfig("jane", groups=["dev", "night/shift"]))
    who = json.loads(jane("auth", "whoami", "--output=json"))["status"]["userInfo"]
    assert who["username"] == "jane"
    assert {"dev", "night/shift"} <= set(who["groups"])
    with pytest.raises(CommandError, match="Forbidden"):
        jane("get", "namespaces")


def test_a_token_is_reviewed_for_its_own_audience_only(
    control_plane: ControlPlane, kubectl: Tool, namespace: str
) -> None:
    """TokenRequest with an audience, TokenReview with the same one: authenticated. With another one: not."""
    kubectl("create", "serviceaccount", "caller", f"--namespace={namespace}")
    token = control_plane.token(namespace, "caller", audiences=[AUDIENCE])
    reviewed = _review(kubectl, token, AUDIENCE)
    assert reviewed["authenticated"] is True
    assert reviewed["audiences"] == [AUDIENCE]
    assert reviewed["user"]["username"] == f"system:serviceaccount:{namespace}:caller"
    assert _review(kubectl, token, "somebody.else").get("authenticated", False) is False


def test_a_token_of_an_account_that_is_not_there_is_refused_with_the_reason(
    control_plane: ControlPlane, namespace: str
) -> None:
    """The refusal is an exception with the API server's words, not a KeyError."""
    with pytest.raises(CommandError, match=r"ended with 404: .*not found") as refused:
        control_plane.token(namespace, "missing")
    assert refused.value.code == 404


def test_the_controllers_collect_what_a_deleted_owner_leaves(kubectl: Tool, namespace: str) -> None:
    """A Service gets its EndpointSlice, and both go together: the garbage collector works."""
    here = f"--namespace={namespace}"
    kubectl("create", "service", "clusterip", "web", "--tcp=80", here)
    kubectl(
        "wait", "--for=create", "endpointslices", "--selector=kubernetes.io/service-name=web", "--timeout=10s", here
    )
    kubectl("delete", "service", "web", here)
    kubectl(
        "wait", "--for=delete", "endpointslices", "--selector=kubernetes.io/service-name=web", "--timeout=10s", here
    )


def test_the_certificates_hold_under_strict_verification(control_plane: ControlPlane) -> None:
    """Newer Pythons verify strictly by default; a client there must not need to be told otherwise."""
    context = ssl.create_default_context(cafile=str(control_plane.authority))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    status, _ = Endpoint(control_plane.port, context).call("GET", "/readyz")
    assert status == 200


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_is_killed_starts_again_with_its_port_and_data(
    control_plane: ControlPlane, kubectl: Tool, namespace: str, program: str
) -> None:
    """Killing one leaves the others running; afterwards everything is as it was, and writable."""
    here = f"--namespace={namespace}"
    kubectl("create", "configmap", "before", here)
    pids, server = control_plane.pids(), control_plane.server
    control_plane.kill(program)
    assert control_plane.pids() == {name: pid for name, pid in pids.items() if name != program}
    control_plane.start_again(program)
    assert set(control_plane.pids()) == set(pids)
    assert control_plane.server == server
    kubectl("create", "configmap", "after", here)
    names = kubectl("get", "configmaps", "--output=name", here).split()
    assert {"configmap/before", "configmap/after"} <= set(names)


def test_while_the_api_server_is_down_its_clients_are_refused(control_plane: ControlPlane, kubectl: Tool) -> None:
    """What a fault test counts on: dead is dead until it is started again."""
    control_plane.kill("kube-apiserver")
    try:
        with pytest.raises(CommandError, match="refused"):
            kubectl("get", "namespaces")
    finally:
        control_plane.start_again("kube-apiserver")
    assert "default" in kubectl("get", "namespaces")


@pytest.mark.usefixtures("control_plane")  # left out where none can be had
def test_the_command_runs_one_until_ctrl_c(tmp_path: Path) -> None:
    """Its output is for `eval`; Ctrl-C is a good end of it, and leaves nothing."""
    command = [sys.executable, "-c", HEARS_CTRL_C, "up", str(tmp_path / "plane")]
    with (
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as up,
        ExitStack() as whatever_happens,
    ):
        whatever_happens.callback(up.kill)
        assert up.stdout is not None
        assert up.stdout.readline() == f"export KUBECONFIG={tmp_path / 'plane' / 'admin.kubeconfig'}\n"
        up.send_signal(signal.SIGINT)
        _, said = up.communicate(timeout=30)
    assert up.returncode == 0, said
    assert list(tmp_path.iterdir()) == []


def _review(kubectl: Tool, token: str, audience: str) -> dict[str, object]:
    review = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenReview",
        "spec": {"token": token, "audiences": [audience]},
    }
    answer = kubectl("create", "--filename=-", "--output=json", stdin=json.dumps(review))
    return json.loads(answer)["status"]


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
