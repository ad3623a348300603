"""The programs of a node, in the order of their start, and what they are told."""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from localkube import machine, node_files
from localkube.access import Endpoint, answers, by_certificate
from localkube.binaries import find
from localkube.credentials import ADMIN_GROUP, Credentials
from localkube.errors import CommandError
from localkube.node_files import NAME, SOCKET
from localkube.pins import CONTAINERD, COREDNS, KUBERNETES
from localkube.programs import Program
from localkube.space import Space
from localkube.wire import Wire
from localkube.workplace import Workplace


@dataclass(frozen=True)
class NodeBinaries:
    """Those that a node adds to a control plane, the scheduler among them; containerd finds its shim by the path."""

    kube_scheduler: Path
    kubelet: Path
    kube_proxy: Path
    containerd: Path
    containerd_shim: Path
    ctr: Path
    coredns: Path


def node_binaries() -> NodeBinaries:
    """Find them, or build what is missing. Raises UnavailableError."""
    kubernetes = find(KUBERNETES, ["kube-scheduler", "kubelet", "kube-proxy"])
    containerd = find(CONTAINERD, ["containerd", "containerd-shim-runc-v2", "ctr"])
    coredns = find(COREDNS, ["coredns"])
    return NodeBinaries(*kubernetes.values(), *containerd.values(), *coredns.values())


class Node:
    """`kubeconfig` writes one for a user entry, and returns where."""

    def __init__(
        self,
        place: Workplace,
        binaries: NodeBinaries,
        space: Space,
        wire: Wire,
        credentials: Credentials,
        kubeconfig: Callable[[str, dict[str, str]], Path],
    ) -> None:
        self._place = place
        self._binaries = binaries
        self._space = space
        self._wire = wire
        self._credentials = credentials
        self._kubeconfig = kubeconfig
        self._folder = place.folder / "node"
        (self._folder / "cni").mkdir(parents=True)

    def containerd(self) -> Program:
        """Return what runs containers."""
        network = self._write("cni/10-pods.conflist", node_files.network(self._wire.pods))
        config = self._write("containerd.toml", node_files.containerd(network.parent, machine.plugins()))
        command = (str(self._binaries.containerd), f"--config={config}")
        return Program("containerd", self._space.inside(*command), self._containerd_listens)

    def load(self, archive: Path) -> None:
        """Give an image in an OCI archive to containerd, under the name that it has there. Raises CommandError."""
        ctr = (str(self._binaries.ctr), f"--address={SOCKET}", "--namespace=k8s.io")
        with archive.open("rb") as content:
            self._space.run(*ctr, "images", "import", "-", stdin=content)

    def after_containerd(self) -> list[Program]:
        """Return the others, the kubelet first: kube-proxy waits for the node that it makes."""
        return [self._kubelet(), self._kube_proxy(), self._coredns()]

    def announce_dns(self, api: Endpoint) -> None:
        """Say where the names are told. Raises CommandError."""
        for path, thing in node_files.dns_objects(self._wire):
            status, answer = api.call("POST", path, thing)
            if status >= 400:
                raise CommandError(("POST", path), status, str(answer))

    def _kube_proxy(self) -> Program:
        kubeconfig = self._client("kube-proxy", "system:kube-proxy")
        config = self._write("kube-proxy.json", node_files.kube_proxy(kubeconfig, self._wire))
        command = (str(self._binaries.kube_proxy), f"--config={config}", f"--hostname-override={NAME}")
        return self._program("kube-proxy", command, node_files.KUBE_PROXY_HEALTH, "/healthz")

    def _coredns(self) -> Program:
        kubeconfig = self._client("coredns", "coredns", ADMIN_GROUP)
        config = self._write("Corefile", node_files.coredns(kubeconfig, self._wire))
        command = (str(self._binaries.coredns), f"-conf={config}")
        return self._program("coredns", command, node_files.COREDNS_HEALTH, "/ready")

    def _kubelet(self) -> Program:
        hosts = [NAME, self._wire.node]
        self._credentials.server(f"system:node:{NAME}", hosts).write(self._place.pki, "kubelet")
        kubeconfig = self._client("kubelet", f"system:node:{NAME}", "system:nodes")
        pod_logs = self._place.logs / "pods"
        config = node_files.kubelet(self._place.pki, pod_logs, self._wire, self._space.cgroup)
        command = (
            str(self._binaries.kubelet),
            f"--config={self._write('kubelet.json', config)}",
            f"--kubeconfig={kubeconfig}",
            f"--hostname-override={NAME}",
            f"--node-ip={self._wire.node}",
        )
        return self._program("kubelet", command, node_files.KUBELET_HEALTH, "/healthz")

    def _client(self, program: str, user: str, *groups: str) -> Path:
        return self._kubeconfig(f"{program}.kubeconfig", by_certificate(self._credentials.user(user, groups)))

    def _program(self, name: str, command: tuple[str, ...], port: int, path: str) -> Program:
        return Program(name, self._space.inside(*command), lambda: answers(self._wire.node, port, path))

    def _write(self, name: str, content: str) -> Path:
        path = self._folder / name
        path.write_text(content)
        return path

    def _containerd_listens(self) -> bool:
        with socket.socket(socket.AF_UNIX) as attempt:
            try:
                attempt.connect(str(self._space.seen_from_outside(SOCKET)))
            except OSError:
                return False
        return True


def ready(api: Endpoint) -> bool:
    """Whether the node says that pods may come."""
    try:
        status, node = api.call("GET", f"/api/v1/nodes/{NAME}")
    except OSError:
        return False
    conditions = node["status"].get("conditions", []) if status == 200 else []
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
