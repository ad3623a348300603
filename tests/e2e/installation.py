"""A release of the chart in a namespace of its own, with what a user has there: tiers, a policy, a provider."""

import base64
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localkube import Tool
from tests.e2e.waiting import eventually

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy/helm/tierway"
EXAMPLE = ROOT / "examples/simulator"
RESTRICTED = "pod-security.kubernetes.io/enforce=restricted"
CLASSES = ("simple", "moderate", "complex", "pinned")
FIGURES_SECONDS = 75.0  # written at most every 30 s, read every 10 s, and what a busy machine needs
SMALL = "proxy.resources.requests.cpu=50m"  # several releases find room on a node of two cores
COMES_UP = "--wait", "--timeout=110s"


@dataclass(frozen=True)
class Image:
    """How pods name an image; `pull`: the policy, `Never` where it was loaded."""

    name: str
    pull: str

    @property
    def values(self) -> tuple[str, ...]:
        """What the chart is told of it."""
        repository, _, tag = self.name.rpartition(":")
        return f"image.repository={repository}", f"image.tag={tag}", f"image.pullPolicy={self.pull}"


class Installation:
    """A release's name and namespace, which is there, and what can be done with it; nothing is done yet.

    It serves its own namespace, unless `serves` is set to others.
    """

    def __init__(self, kubectl: Tool, helm: Tool, image: Image, namespace: str, name: str = "tierway") -> None:
        self.kubectl, self.helm, self.image, self.namespace, self.name = kubectl, helm, image, namespace, name
        self.policy = f"{namespace}/default"
        self.service = f"http://{name}.{namespace}.svc.cluster.local"
        self.url = f"{self.service}/v1"
        self.serves = [namespace]

    @classmethod
    def in_new_namespace(cls, kubectl: Tool, helm: Tool, image: Image, prefix: str, name: str) -> "Installation":
        """The namespace enforces the restricted standard."""
        namespace = f"{prefix}-{secrets.token_hex(3)}"
        make_namespace(kubectl, namespace)
        return cls(kubectl, helm, image, namespace, name)

    def renamed(self, name: str) -> "Installation":
        """Return a release of another name in the same namespace."""
        return Installation(self.kubectl, self.helm, self.image, self.namespace, name)

    def install(self, *values: str, chart: Path = CHART, options: Sequence[str] = COMES_UP) -> None:
        """`helm install --wait`; `values` as in `--set`."""
        own = f"namespaces={{{','.join(self.serves)}}}", f"defaultPolicy={self.policy}"
        self._helm("install", str(chart), *settings(*self.image.values, SMALL, *own, *values), *options)

    def upgrade(self, *values: str, chart: Path = CHART, options: Sequence[str] = COMES_UP) -> None:
        self._helm("upgrade", str(chart), "--reset-then-reuse-values", *settings(*values), *options)

    def uninstall(self, *options: str) -> None:
        self.helm("uninstall", self.name, f"--namespace={self.namespace}", *options)

    def _helm(self, verb: str, *arguments: str) -> None:
        self.helm(verb, self.name, f"--namespace={self.namespace}", *arguments)

    def apply_example(self) -> None:
        """The example that docs/install.md has, a provider in the cluster, with this namespace and image."""
        for file in sorted(EXAMPLE.glob("[!0]*.yaml")):
            self.apply(self.adapted(file.read_text()))
        self.kubectl("rollout", "status", "deployment/provider", f"--namespace={self.namespace}", "--timeout=60s")

    def adapted(self, example: str) -> str:
        """Return a document of the example with this namespace and image."""
        for theirs, ours in (
            ("namespace: llm", f"namespace: {self.namespace}"),
            (".llm.svc", f".{self.namespace}.svc"),
            ("registry.example.com/tierway:0.1.0", self.image.name),
            ("imagePullPolicy: IfNotPresent", f"imagePullPolicy: {self.image.pull}"),
        ):
            example = example.replace(theirs, ours)
        return example

    def apply(self, documents: str | dict[str, Any]) -> None:
        text = documents if isinstance(documents, str) else json.dumps(documents)
        self.kubectl("apply", f"--namespace={self.namespace}", "--filename=-", stdin=text)

    def patch(self, kind: str, name: str, change: dict[str, Any], *options: str) -> None:
        self.kubectl(
            "patch",
            kind,
            name,
            f"--namespace={self.namespace}",
            "--type=merge",
            f"--patch={json.dumps(change)}",
            *options,
        )

    def get(self, *arguments: str) -> str:
        return self.kubectl("get", *arguments, f"--namespace={self.namespace}")

    def object(self, kind: str, name: str) -> Any:
        return json.loads(self.get(kind, name, "--output=json"))

    def pods(self, component: str) -> list[Any]:
        """Those of the operator or of the proxies, whatever state they are in."""
        labels = f"app.kubernetes.io/instance={self.name},app.kubernetes.io/component={component}"
        return list(json.loads(self.get("pods", f"--selector={labels}", "--output=json"))["items"])

    def pod_names(self, component: str) -> set[str]:
        return {pod["metadata"]["name"] for pod in self.pods(component)}

    def conditions(self, kind: str = "routingpolicy", name: str = "default") -> dict[str, str]:
        """The conditions that were written for the newest generation."""
        found = self.object(kind, name)
        return {
            condition["type"]: condition["status"]
            for condition in found.get("status", {}).get("conditions", [])
            if condition["observedGeneration"] == found["metadata"]["generation"]
        }

    def is_programmed(self, proxies: int) -> bool:
        """Whether so many proxies serve, and all of them the newest policy."""
        status = self.object("routingpolicy", "default").get("status", {})
        counted = status.get("proxies", {})
        programmed = {"desired": proxies, "programmed": proxies}
        return bool(counted == programmed and self.conditions().get("Programmed") == "True")

    def wait_until_programmed(self, proxies: int = 2, seconds: float = 60) -> None:
        eventually(lambda: self.is_programmed(proxies), seconds, f"the policy is Programmed at {proxies} proxies")

    def today(self) -> dict[str, Any]:
        """The policy's totals."""
        return dict(self.object("routingpolicy", "default").get("status", {}).get("today", {}))

    def requests(self) -> int:
        """All that the policy's status counts."""
        counted = self.today().get("requests", {})
        return sum(counted.get(name, 0) for name in CLASSES)

    def token(self) -> str:
        """The release's own, which opens the admin port."""
        data = json.loads(self.get("secret", f"{self.name}-keys", "--output=json"))["data"]
        return base64.b64decode(data["token"]).decode()


def make_namespace(kubectl: Tool, name: str) -> None:
    kubectl("create", "namespace", name)
    kubectl("label", "namespace", name, RESTRICTED)


def settings(*values: str) -> list[str]:
    """The values as helm's arguments."""
    return [argument for value in values for argument in ("--set", value)]
