"""A control plane with a node: pods run, in namespaces of the kernel that end with us.

The control plane's programs run on this machine as they do alone, but that the API server listens at the machine's end
of the wire to the node, where pods reach it too.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from localkube import commands, machine
from localkube.access import by_certificate
from localkube.binaries import Binaries, binaries
from localkube.commands import Site
from localkube.errors import StartError
from localkube.node import Node, NodeBinaries, node_binaries, ready
from localkube.plane import START_SECONDS, ControlPlane, free_ports
from localkube.programs import POLL_SECONDS, Program
from localkube.space import Space
from localkube.wire import Wire
from localkube.workplace import Workplace


class Cluster(ControlPlane):
    """A ControlPlane and one node, `started` makes one.

    Its programs: "node" (the namespaces themselves), those of the control plane, "kube-scheduler", "containerd",
    "kube-proxy", "coredns", "kubelet".
    """

    def __init__(
        self, place: Workplace, programs: Binaries, node: NodeBinaries, wire: Wire, images: Sequence[Path] = ()
    ) -> None:
        super().__init__(place, programs, Site(wire.host, wire.host, has_node=True))
        self._scheduler = node.kube_scheduler
        self._wire = wire
        self._images = images
        self._space = Space(place.folder, node.containerd_shim.parent)
        self._node = Node(place, node, self._space, wire, self._credentials, self._kubeconfig)

    @classmethod
    @contextmanager
    def started(
        cls, directory: Path | None = None, programs: Binaries | None = None, images: Sequence[Path] = ()
    ) -> Iterator[Self]:
        """Give a ready one, and end it; `images` (OCI archives) are loaded first, "localhost/pause:1" among them.

        Otherwise as a control plane's. Raises UnavailableError also where no node can be had: without root, say. And
        CommandError for an archive that is none.
        """
        machine.refuse_without_means()
        found, node = programs or binaries(), node_binaries()
        with Wire.claimed() as wire, Workplace.of(directory) as place:
            cluster = cls(place, found, node, wire, images)
            with cluster._running():
                yield cluster

    @property
    def node_address(self) -> str:
        """Where this machine and pods reach the node."""
        return self._wire.node

    @property
    def machine_address(self) -> str:
        """Where the node and its pods reach this machine: listen there for what pods shall call."""
        return self._wire.host

    def load(self, archive: Path) -> None:
        """Give an image in an OCI archive to the node. Raises CommandError with containerd's complaint."""
        self._node.load(archive)

    def processes(self, pod_uid: str) -> dict[int, str]:
        """Return the command lines of a pod's processes, by the numbers that this machine kills them by."""
        return self._space.processes(f"/pod{pod_uid}/")

    def _start(self) -> None:
        self._programs.start(self._space.program(), START_SECONDS)
        self._wire.tie(self._space)
        super()._start()
        self._programs.start(self._kube_scheduler(), START_SECONDS)
        self._node.announce_dns(self._api)
        self._programs.start(self._node.containerd(), START_SECONDS)
        for image in self._images:
            self._node.load(image)
        for program in self._node.after_containerd():
            self._programs.start(program, START_SECONDS)
        self._wait_for_the_node()

    def _wait_for_the_node(self) -> None:
        end = time.monotonic() + START_SECONDS
        while not ready(self._api):
            if time.monotonic() > end:
                raise StartError(f"the node was not ready after {START_SECONDS:.0f} s: see {self.logs / 'kubelet.log'}")
            time.sleep(POLL_SECONDS)

    def _kube_scheduler(self) -> Program:
        (port,) = free_ports(1)
        self._credentials.server("kube-scheduler", ["127.0.0.1"]).write(self._place.pki, "scheduler")
        identity = by_certificate(self._credentials.user("system:kube-scheduler"))
        kubeconfig = self._kubeconfig("kube-scheduler.kubeconfig", identity)
        command = commands.kube_scheduler(self._scheduler, self._place.pki, kubeconfig, port)
        health = self._credentials.program(port)
        return Program("kube-scheduler", command, lambda: health.answers("/readyz"))
