"""The node that the other tests stand on does what a cluster's does."""

import http.client
import http.server
import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from localkube import Cluster, CommandError, Tool
from tests.e2e.busybox import PORT, asks, create, eventually, pod, service, sh, uid

pytestmark = pytest.mark.e2e


def test_a_restricted_pod_runs_and_no_other_is_let_in(kubectl: Tool, namespace: str) -> None:
    """The namespace enforces the standard: what runs there keeps to it."""
    create(kubectl, namespace, pod("web"))
    assert sh(kubectl, namespace, "web", "/busybox id -u") == "65532\n"
    with pytest.raises(CommandError, match=r"violates PodSecurity.*runAsNonRoot != true"):
        create(kubectl, namespace, pod("loose", securityContext={}))


def test_logs_and_exec_reach_the_pod(kubectl: Tool, namespace: str) -> None:
    """Both go through the API server to the kubelet; a failed command's code and words come back."""
    create(kubectl, namespace, pod("web"))
    assert kubectl("logs", f"--namespace={namespace}", "web") == "serving\n"
    with pytest.raises(CommandError, match="No such file") as failed:
        sh(kubectl, namespace, "web", "/busybox cat /nowhere")
    assert failed.value.code == 1


def test_a_service_balances_over_its_pods_by_its_name(kubectl: Tool, namespace: str) -> None:
    """DNS gives the Service's address, kube-proxy leads from there to each pod in turn, also to the one that asks."""
    create(kubectl, namespace, pod("web-a"), pod("web-b"), service("web"))
    ask = asks(f"web.{namespace}.svc.cluster.local")
    answers: set[str] = set()

    def both_answered() -> bool:
        answers.add(sh(kubectl, namespace, "web-a", ask).strip())
        return answers == {"web-a", "web-b"}

    assert eventually(lambda: sh(kubectl, namespace, "web-a", f"{ask} || true") != "")
    assert eventually(both_answered), answers


def test_a_name_outside_the_cluster_does_not_exist(kubectl: Tool, namespace: str) -> None:
    """A clear no at once: a pod reaches nothing outside."""
    create(kubectl, namespace, pod("web"))
    said = sh(kubectl, namespace, "web", "/busybox nslookup provider.example 2>&1 || true")
    assert "NXDOMAIN" in said


def test_a_projected_token_is_reviewed_for_its_audience(kubectl: Tool, namespace: str) -> None:
    """What a caller of the proxies sends is what its kubelet gave it."""
    create(kubectl, namespace, pod("web"))
    token = sh(kubectl, namespace, "web", "/busybox cat /token/token")
    spec = {"token": token, "audiences": ["tierway"]}
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec}
    answer = json.loads(kubectl("create", "--filename=-", "--output=json", stdin=json.dumps(review)))
    assert answer["status"]["authenticated"] is True
    assert answer["status"]["user"]["username"] == f"system:serviceaccount:{namespace}:default"


def test_a_pod_reaches_this_machine_and_this_machine_a_pod(cluster: Cluster, kubectl: Tool, namespace: str) -> None:
    """Providers of a test listen here; what a test reads from pods, it reads at their own addresses."""
    create(kubectl, namespace, pod("web"))
    with _listening(cluster.machine_address) as port:
        said = sh(kubectl, namespace, "web", asks(f"{cluster.machine_address}:{port}"))
    assert said == "from this machine"
    address = kubectl("get", "pod", "web", f"--namespace={namespace}", "--output=jsonpath={.status.podIP}")
    connection = http.client.HTTPConnection(address, PORT, timeout=5)
    connection.request("GET", "/index.html")
    assert connection.getresponse().read() == b"web\n"
    connection.close()


def test_a_process_of_a_pod_can_be_killed_from_this_machine(cluster: Cluster, kubectl: Tool, namespace: str) -> None:
    """A kill -9 that the container does not see coming; the kubelet starts it again."""
    create(kubectl, namespace, pod("web"))
    processes = cluster.processes(uid(kubectl, namespace, "web"))
    (server,) = [pid for pid, command in processes.items() if "httpd" in command]
    os.kill(server, signal.SIGKILL)
    restarts = "--output=jsonpath={.status.containerStatuses[0].restartCount}"
    assert eventually(lambda: kubectl("get", "pod", "web", f"--namespace={namespace}", restarts) == "1")


@pytest.mark.parametrize("program", ["containerd", "kubelet", "kube-proxy", "coredns", "kube-scheduler"])
def test_a_killed_program_comes_back_and_pods_run_on(
    cluster: Cluster, kubectl: Tool, namespace: str, program: str
) -> None:
    """The pod of before is the same, and another one starts."""
    create(kubectl, namespace, pod("before"))
    processes = cluster.processes(uid(kubectl, namespace, "before"))
    cluster.kill(program)
    cluster.start_again(program)
    create(kubectl, namespace, pod("after"))
    assert cluster.processes(uid(kubectl, namespace, "before")) == processes


def test_pods_find_one_another_while_the_api_server_is_away(cluster: Cluster, kubectl: Tool, namespace: str) -> None:
    """Names and ways stay what they were; afterwards the node is ready and the pods are the same."""
    create(kubectl, namespace, pod("web"), service("web"))
    ask = f"{asks(f'web.{namespace}')} >/scratch/answer && echo ok || echo lost"
    create(kubectl, namespace, pod("caller", f"while true; do {ask}; /busybox sleep 0.1; done"))
    said = f"--namespace={namespace}", "caller"
    assert eventually(lambda: "ok" in kubectl("logs", *said))
    before = len(kubectl("logs", *said).splitlines())
    cluster.kill("kube-apiserver")
    try:
        log = next((cluster.logs / "pods").glob(f"{namespace}_caller_*/busybox/0.log"))
        assert eventually(lambda: len(log.read_text().splitlines()) > before + 50)
    finally:
        cluster.start_again("kube-apiserver")
    assert "lost" not in kubectl("logs", *said).split()[before:]
    assert kubectl("get", "nodes", "--no-headers").split()[:2] == ["node-1", "Ready"]


def test_an_archive_that_is_none_is_refused_with_the_reason(cluster: Cluster, tmp_path: Path) -> None:
    """By containerd, in its words."""
    (tmp_path / "letter.tar").write_text("Dear containerd")
    with pytest.raises(CommandError, match=r"(?s)images import - ended with 1: .*unexpected EOF"):
        cluster.load(tmp_path / "letter.tar")


@contextmanager
def _listening(address: str) -> Iterator[int]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"from this machine")

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer((address, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
