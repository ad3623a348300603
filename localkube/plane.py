"""The control plane itself: one directory, three programs, and every way in.

Each start is a fresh cluster. What it writes stays in its directory, which is gone afterwards; only a failure leaves
something: the logs.
"""

import random
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Self

from localkube import commands, tools
from localkube.access import LOOPBACK, by_certificate, write_kubeconfig
from localkube.binaries import Binaries, binaries
from localkube.commands import ALONE, Site
from localkube.credentials import ADMIN_GROUP, Credentials
from localkube.errors import CommandError, StartError
from localkube.pins import KUBERNETES
from localkube.programs import Program, Programs
from localkube.workplace import Workplace

START_SECONDS = 60.0
TOKEN_SECONDS = 24 * 3600
# Below the ports that systems give to outgoing connections: what is killed finds its port free when it starts again.
PORTS = range(20_000, 30_000)
CONTROLLERS = "kube-controller-manager"
CONTROLLERS_ARE_AT_WORK = "/api/v1/namespaces/default/serviceaccounts/default"


class ControlPlane:
    """etcd, kube-apiserver and kube-controller-manager in one directory; `started` makes one."""

    def __init__(self, place: Workplace, programs: Binaries, site: Site = ALONE) -> None:
        self._place = place
        self._site = site
        self._binaries = programs
        self._etcd_port, self._peer_port, self.port = free_ports(3)
        self._credentials = Credentials(place.pki, site.address)
        self._api = self._credentials.api(self.port)
        self._programs = Programs(place.folder, place.logs, {"HOME": str(place.folder), "TMPDIR": str(place.folder)})
        self.kubeconfig = self.user_kubeconfig("admin", groups=[ADMIN_GROUP])

    @classmethod
    @contextmanager
    def started(cls, directory: Path | None = None, programs: Binaries | None = None) -> Iterator[Self]:
        """Give a ready one, and end it.

        `directory` is empty or absent (default: a temporary one) and removed afterwards, but for its logs when the
        block or the start failed. `programs` defaults to `binaries()`, which builds what is missing. Raises
        UnavailableError, StartError, and FileExistsError for a directory in use.
        """
        found = programs or binaries()
        with Workplace.of(directory) as place:
            plane = cls(place, found)
            with plane._running():
                yield plane

    @property
    def server(self) -> str:
        """The API server's URL."""
        return f"https://{self._site.address}:{self.port}"

    @property
    def authority(self) -> Path:
        """The certificate that the API server's is signed by, as PEM: `ca.crt` of a pod."""
        return self._place.pki / "ca.crt"

    @property
    def logs(self) -> Path:
        """The folder with a log for each program."""
        return self._place.logs

    @cached_property
    def kubectl(self) -> tools.Tool:
        """Kubectl as admin. Raises UnavailableError."""
        return tools.kubectl(self.kubeconfig, minor=KUBERNETES.minor, home=self._place.folder)

    @cached_property
    def helm(self) -> tools.Tool:
        """Helm as admin, built at its first use. Raises UnavailableError."""
        return tools.helm(self.kubeconfig, home=self._place.folder)

    def token(self, namespace: str, name: str, audiences: Sequence[str] = (), seconds: int = TOKEN_SECONDS) -> str:
        """Ask for a token of a ServiceAccount, by default for the API server itself. Raises CommandError."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        spec = {"audiences": list(audiences), "expirationSeconds": seconds}
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        status, answer = self._api.call("POST", path, body)
        if status >= 400:
            raise CommandError(("POST", path), status, str(answer))
        return str(answer["status"]["token"])

    def service_account_kubeconfig(self, namespace: str, name: str, seconds: int = TOKEN_SECONDS) -> Path:
        """Write a kubeconfig with a fresh token of a ServiceAccount that exists. Raises CommandError."""
        user = {"token": self.token(namespace, name, seconds=seconds)}
        return self._kubeconfig(f"{namespace}.{name}.kubeconfig", user)

    def user_kubeconfig(self, name: str, groups: Sequence[str] = ()) -> Path:
        """Write a kubeconfig for a user of that name, who may do what RBAC grants to the name or the groups."""
        return self._kubeconfig(f"{name}.kubeconfig", by_certificate(self._credentials.user(name, groups)))

    def kill(self, program: str) -> None:
        """Kill -9 "etcd", "kube-apiserver" or "kube-controller-manager"; the others run on."""
        self._programs.kill(program)

    def start_again(self, program: str) -> None:
        """Start what was killed on the same port and data; returns when all that run are ready. Raises StartError.

        An API server that has just come back may refuse the controllers for a moment, and they end then; so they are
        started until they stay, as a kubelet would.
        """
        if program == CONTROLLERS:
            self._api.call("DELETE", CONTROLLERS_ARE_AT_WORK)  # what they did before they were killed proves nothing
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                self._programs.start_again(program, START_SECONDS)
            except StartError:
                if program != CONTROLLERS or time.monotonic() > end:
                    raise
            else:
                return

    def pids(self) -> dict[str, int]:
        """The processes that run, by program."""
        return self._programs.pids()

    def keep_logs(self) -> None:
        """Leave the logs behind, as a failure does by itself."""
        self._place.keep_logs = True

    def _kubeconfig(self, file: str, user: dict[str, str]) -> Path:
        # a user's name may have a slash
        path = self._place.folder / file.replace("/", "_")
        return write_kubeconfig(path, self.server, self._credentials.authority, user)

    @contextmanager
    def _running(self) -> Iterator[None]:
        with self._programs:
            self._start()
            yield

    def _start(self) -> None:
        for program in (self._etcd(), self._kube_apiserver(), self._kube_controller_manager()):
            self._programs.start(program, START_SECONDS)

    def _etcd(self) -> Program:
        data = self._place.folder / "etcd"
        command = commands.etcd(self._binaries.etcd, data, self._place.pki, self._etcd_port, self._peer_port)
        endpoint = self._credentials.etcd(self._etcd_port)
        return Program("etcd", command, lambda: endpoint.answers("/health"))

    def _kube_apiserver(self) -> Program:
        command = commands.kube_apiserver(
            self._binaries.kube_apiserver, self._place.pki, self.port, self._etcd_port, self._site
        )
        return Program("kube-apiserver", command, lambda: self._api.answers("/readyz"))

    def _kube_controller_manager(self) -> Program:
        # after the API server is ready: before, the bootstrap roles are not there and its first look is refused
        identity = self._credentials.user("system:kube-controller-manager")
        kubeconfig = self._kubeconfig("kube-controller-manager.kubeconfig", by_certificate(identity))
        command = commands.kube_controller_manager(
            self._binaries.kube_controller_manager, self._place.pki, kubeconfig, self._site
        )
        return Program(CONTROLLERS, command, lambda: self._api.answers(CONTROLLERS_ARE_AT_WORK))


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on now."""
    found: list[int] = []
    for port in random.SystemRandom().sample(PORTS, len(PORTS)):
        if len(found) == count:
            break
        with socket.socket() as attempt:
            try:
                attempt.bind((LOOPBACK, port))
            except OSError:
                continue
        found.append(port)
    return found
