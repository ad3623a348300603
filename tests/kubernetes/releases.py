"""A release installed with helm, and processes that stand in for its pods, each under its own ServiceAccount."""

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from localkube import ControlPlane
from localkube.children import Child, Launcher
from localkube.standins import StandIn, address_map, announce
from tests.kubernetes.recorder import Recorder, Request
from tests.kubernetes.relay import Relay

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy/helm/tierway"
PROXIES = 2


def _documents(text: str) -> Iterator[dict[str, Any]]:
    """Read JSON objects that follow one another; a last one that is cut is left out."""
    decoder, at = json.JSONDecoder(), 0
    with suppress(json.JSONDecodeError):
        while text[at:].strip():
            at = len(text) - len(text[at:].lstrip())
            found, at = decoder.raw_decode(text, at)
            yield found


def eventually(condition: Callable[[], Any], seconds: float = 10, message: str = "") -> Any:
    """Return the condition's first true value; fails when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, message or f"not within {seconds} s"
        time.sleep(0.02)
    return found


class Release:
    """One release in a namespace of its own, serving that namespace's objects, or those of `serves` (none: all)."""

    def __init__(
        self,
        plane: ControlPlane,
        namespace: str,
        folder: Path,
        launcher: Launcher,
        name: str = "tw",
        serves: Sequence[str] | None = None,
    ) -> None:
        self.plane, self.namespace, self.folder, self.name = plane, namespace, folder, name
        self.serves = [namespace] if serves is None else list(serves)
        self._launcher = launcher
        self.kubectl = plane.kubectl
        self._children: dict[str, Child] = {}
        self._relays: dict[str, Relay] = {}
        self._recorder: Recorder | None = None
        self.stand_ins = [StandIn(number, _free_port()) for number in range(1, PROXIES + 1)]
        self._data_ports = {stand_in.name: _free_port() for stand_in in self.stand_ins}
        self.health_port = _free_port()
        self.proxy_flags: Sequence[str] = ()

    def install(self, *values: str, options: Sequence[str] = ()) -> None:
        settings = [argument for value in values for argument in ("--set", value)]
        here = f"--namespace={self.namespace}"
        self.plane.helm(
            "install", self.name, str(CHART), here, "--set-json", f"namespaces={json.dumps(self.serves)}",
            # the control plane is shared: an uninstall must not take the kinds from other tests
            "--set", "crds.enabled=false", *settings, *options,
        )  # fmt: skip

    def start_operator(self, *more: str) -> Child:
        return self._start(
            "operator", "tierway_operator", f"--release={self.name}", f"--release-namespace={self.namespace}",
            *(f"--namespace={each}" for each in self.serves), f"--health-port={self.health_port}",
            "--health-host=127.0.0.1", f"--proxy-address-map={address_map(self.stand_ins)}", *more,
        )  # fmt: skip

    def record(self) -> None:
        """Write down what the operator asks the API server for, from its first start on."""
        self._recorder = Recorder(self.plane.server, self.plane.authority)

    @property
    def recorded(self) -> list[Request]:
        """All that it asked for."""
        assert self._recorder is not None
        return self._recorder.requests

    def start_proxy(self, stand_in: StandIn) -> Child:
        """Start it, or start it again: a token needs the API server only once."""
        return self._start(
            "proxy", "tierway_proxy", f"--release={self.name}", f"--namespace={self.namespace}", "--host=127.0.0.1",
            f"--port={self._data_ports[stand_in.name]}", f"--admin-port={stand_in.admin_port}", "--drain-seconds=1",
            f"--state-dir={self.folder / stand_in.name}", *self.proxy_flags, log=stand_in.name,
        )  # fmt: skip

    def start_proxies(self) -> None:
        for stand_in in self.stand_ins:
            self.start_proxy(stand_in)
        for stand_in in self.stand_ins:
            eventually(lambda admin=stand_in.admin_port: get(f"http://127.0.0.1:{admin}/readyz")[0] == 200)
        self.announce(*self.stand_ins)

    def url(self, stand_in: StandIn) -> str:
        """Where callers reach a proxy."""
        return f"http://127.0.0.1:{self._data_ports[stand_in.name]}"

    def announce(self, *stand_ins: StandIn) -> None:
        announce(self.kubectl, self.namespace, f"{self.name}-proxies", stand_ins)

    def child(self, name: str) -> Child:
        return self._children[name]

    def token(self) -> str:
        """Return the release's token; an operator that has just started has yet to make it."""
        wanted = (f"secret/{self.name}-keys", "-o", "go-template={{.data.token | base64decode}}")
        return str(eventually(lambda: self.get(*wanted, "--ignore-not-found")))

    def observations(self, stand_in: StandIn) -> Any:
        url = f"http://127.0.0.1:{stand_in.admin_port}/observations"
        status, text = get(url, {"Authorization": f"Bearer {self.token()}"})
        assert status == 200, text
        return json.loads(text)

    def hashes(self) -> list[dict[str, str]]:
        """What each proxy serves: hash by policy."""
        return [
            {table["policy"]: table["hash"] for table in self.observations(stand_in)["tables"]}
            for stand_in in self.stand_ins
        ]

    def apply(self, *documents: dict[str, Any]) -> None:
        items = {"apiVersion": "v1", "kind": "List", "items": list(documents)}
        self.kubectl("apply", f"--namespace={self.namespace}", "-f", "-", stdin=json.dumps(items))

    def delete(self, kind: str, name: str) -> None:
        self.kubectl("delete", kind, name, f"--namespace={self.namespace}")

    def get(self, *arguments: str) -> str:
        return self.kubectl("get", *arguments, f"--namespace={self.namespace}")

    def object(self, kind: str, name: str) -> Any:
        return json.loads(self.get(kind, name, "-o", "json"))

    def condition(self, kind: str, name: str, wanted: str) -> dict[str, Any]:
        """Return a condition that was written for the newest generation; an empty one before."""
        found = self.object(kind, name)
        conditions = found.get("status", {}).get("conditions", [])
        return next(
            (
                condition
                for condition in conditions
                if condition["type"] == wanted and condition["observedGeneration"] == found["metadata"]["generation"]
            ),
            {},
        )

    def tables(self) -> dict[str, Any]:
        """Published tables by policy."""
        found = json.loads(self.get("configmaps", "-l", f"tierway.dev/release={self.name}", "-o", "json"))
        tables = [json.loads(item["data"]["table.json"]) for item in found["items"]]
        return {table["policy"]: table for table in tables}

    @contextmanager
    def watched(self, kind: str, name: str) -> Iterator[list[dict[str, Any]]]:
        """Give a list that holds, after the block, every version of an object that there was in it."""
        command = [self.kubectl.program, "get", kind, name, f"--namespace={self.namespace}", "--watch", "-o", "json"]
        environment = {**os.environ, "KUBECONFIG": str(self.plane.kubeconfig)}
        versions: list[dict[str, Any]] = []
        with TemporaryFile("w+") as output:
            watching = subprocess.Popen(command, env=environment, stdout=output)
            try:
                eventually(lambda: os.fstat(output.fileno()).st_size)
                yield versions
                time.sleep(0.3)  # what was written last is still on its way
            finally:
                watching.kill()
                watching.wait()
            output.seek(0)
            versions += _documents(output.read())

    @contextmanager
    def cut_off(self, stand_in: StandIn) -> Iterator[None]:
        """Let nothing pass between a proxy and the API server, without breaking a connection."""
        relay = self._relays[stand_in.name]
        relay.block()
        try:
            yield
        finally:
            relay.unblock()

    @contextmanager
    def separated(self) -> Iterator[None]:
        """Let nobody of the release hear of what happens at the API server, now or later: connections are broken."""
        for relay in self._relays.values():
            relay.block()
            relay.drop()
        try:
            yield
        finally:
            for relay in self._relays.values():
                relay.unblock()

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def stop(self) -> None:
        for child in self._children.values():
            child.kill()
        for relay in self._relays.values():
            relay.close()
        if self._recorder:
            self._recorder.close()

    def _kubeconfig(self, name: str, account: str) -> Path:
        """Write a kubeconfig with a token of the ServiceAccount, over a relay; it outlives the API server."""
        file = self.folder / f"{name}.kubeconfig"
        if not file.exists():
            relay = self._relays[name] = Relay(self.plane.port)
            config = json.loads(
                self.plane.service_account_kubeconfig(self.namespace, f"{self.name}-{account}").read_text()
            )
            config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{relay.port}"
            if self._recorder and account == "operator":
                config["clusters"][0]["cluster"] = {"server": self._recorder.url}
            file.write_text(json.dumps(config))
        return file

    def _start(self, account: str, module: str, *arguments: str, log: str | None = None) -> Child:
        name = log or account
        kubeconfig = self._kubeconfig(name, account)
        environment = {**os.environ, "KUBECONFIG": str(kubeconfig), "PYTHONWARNINGS": "default"}
        child = self._launcher.start(
            [sys.executable, "-m", module, *arguments],
            log=self.folder / f"{name}.log",
            environment=environment,
            folder=self.folder,
        )
        self._children[name] = child
        return child


@contextmanager
def released(
    plane: ControlPlane, folder: Path, name: str = "tw", serves: Sequence[str] | None = None, *values: str
) -> Iterator[Release]:
    """Install a release in a namespace of its own; its processes end with the block."""
    namespace = f"release-{secrets.token_hex(4)}"
    plane.kubectl("create", "namespace", namespace)
    plane.kubectl("apply", "--server-side", "-f", str(ROOT / "deploy/crds"))
    with Launcher() as launcher:
        release = Release(plane, namespace, folder, launcher, name, serves)
        release.install(*values)
        try:
            yield release
        finally:
            release.stop()
            plane.kubectl("delete", "namespace", namespace, "--wait=false")


def get(url: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
    """GET; status 0 when nobody answers."""
    request = urllib.request.Request(url, headers=headers or {})  # noqa: S310  # loopback
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def _free_port() -> int:
    with socket.socket() as attempt:
        attempt.bind(("127.0.0.1", 0))
        return int(attempt.getsockname()[1])
