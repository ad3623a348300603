"""The chart as helm renders it, without a cluster."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from localkube import Tool

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy/helm/tierway"
VALUES = sorted((ROOT / "tests/kubernetes/values").glob("*.yaml"))
RELEASE, NAMESPACE = "tw", "tierway-system"

Document = dict[str, Any]


def values(name: str) -> str:
    """Return helm's flag for one of the values files."""
    return f"--values={ROOT / 'tests/kubernetes/values' / name}.yaml"


def settings(*given: str) -> list[str]:
    """Return helm's flags for `path=value`."""
    return [flag for each in given for flag in ("--set", each)]


class Rendered:
    """All objects of a release."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self.documents = list(documents)

    def of(self, kind: str) -> list[Document]:
        return [each for each in self.documents if each["kind"] == kind]

    def names(self, kind: str) -> list[str]:
        return [each["metadata"]["name"] for each in self.of(kind)]

    def one(self, kind: str, name: str) -> Document:
        (found,) = [each for each in self.of(kind) if each["metadata"]["name"] == name]
        return found

    def pod(self, component: str) -> Document:
        """Return the template of a component's pods."""
        return dict(self.one("Deployment", f"{RELEASE}-{component}")["spec"]["template"])

    def container(self, component: str) -> Document:
        (container,) = self.pod(component)["spec"]["containers"]
        return dict(container)


class Chart:
    def __init__(self, helm: Tool) -> None:
        self.helm = helm

    def rendered(self, *flags: str) -> Rendered:
        """Raises CommandError with helm's complaint."""
        text = self.helm("template", RELEASE, str(CHART), f"--namespace={NAMESPACE}", *flags)
        return Rendered(list(_documents(text)))

    def notes(self, *flags: str) -> str:
        """Return what helm prints after an installation."""
        here = f"--namespace={NAMESPACE}", "--dry-run=client"
        return self.helm("install", RELEASE, str(CHART), *here, *flags).partition("\nNOTES:\n")[2]


def _documents(text: str) -> Iterator[Document]:
    yield from filter(None, yaml.safe_load_all(text))
