"""Every command of the documents for whoever runs a cluster is run on one, and does what the document shows."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from localkube.plane import free_ports
from tests.e2e.access import Access
from tests.e2e.console import Console
from tests.e2e.documents import blocks
from tests.e2e.installation import ROOT

pytestmark = pytest.mark.e2e

DOCS = ROOT / "docs"
KINDS = "modeltiers.tierway.dev routingpolicies.tierway.dev"
# What a reader of the other documents has done: as docs/install.md says.
INSTALLED = """
kubectl apply -f examples/simulator/00-namespace.yaml &&
helm install tierway deploy/helm/tierway --namespace llm --wait \\
  --set image.repository=registry.example.com/tierway --set image.tag=0.1.0 \\
  --set 'namespaces={llm}' --set defaultPolicy=llm/default &&
kubectl apply -f examples/simulator &&
kubectl rollout status deployment/provider -n llm &&
kubectl wait --for=condition=Ready routingpolicy/default -n llm --timeout=60s &&
kubectl apply -f examples/simulator/caller &&
kubectl wait --for=condition=complete job/caller -n llm --timeout=60s
"""


def standing_for(image: str) -> Mapping[str, str]:
    """The image that is there, for the one that a reader has built and pushed; ports of this machine that are free."""
    repository, _, tag = image.rpartition(":")
    callers, admin = free_ports(2)
    return {
        "service/tierway 8080:80": f"service/tierway {callers}:80",
        "127.0.0.1:8080": f"127.0.0.1:{callers}",
        "deployment/tierway-proxy 9090": f"deployment/tierway-proxy {admin}:9090",
        "127.0.0.1:9090": f"127.0.0.1:{admin}",
        "registry.example.com/tierway:0.1.0": image,
        "image.repository=registry.example.com/tierway": f"image.repository={repository}",
        "image.tag=0.1.0": f"image.tag={tag}",
    }


def checkout(folder: Path, image: str) -> Path:
    """Copy what documents name, with the image's name written into it as they ask the reader to do."""
    for name in ("examples", "deploy", "docs"):
        shutil.copytree(ROOT / name, folder / name)
    for file in (folder / "examples" / "simulator").rglob("*.yaml"):
        file.write_text(file.read_text().replace("registry.example.com/tierway:0.1.0", image))
    return folder


@pytest.fixture
def console(access: Access, tmp_path: Path) -> Iterator[Console]:
    """A shell of a reader with a checkout and an empty cluster, which is empty again afterwards."""
    environment = {
        "KUBECONFIG": str(access.kubectl.kubeconfig),
        "HOME": str(tmp_path),
        "PATH": f"{ROOT / '.venv/bin'}:{access.kubectl.program.parent}:{access.helm.program.parent}:/usr/bin:/bin",
    }
    image = access.product.name
    with Console(checkout(tmp_path, image), environment, standing_for(image)) as console:
        yield console
        for release in ("tierway -n llm", "other -n llm", "tierway -n research", "tierway -n platform"):
            console.run(f"helm uninstall {release} --wait --cascade=foreground")
        for namespace in ("llm", "research", "platform"):
            # one with a pod that is ending is looked at again after half of the pod's grace period only: minutes
            console.run(f"kubectl delete pods --all -n {namespace} --grace-period=1 --timeout=60s")
        console.run("kubectl delete namespace llm research platform --ignore-not-found --wait")
        console.run(f"kubectl delete crd --wait {KINDS}")


@pytest.mark.parametrize("document", ["install", "upgrade", "security", "troubleshooting", "callers", "releases"])
def test_a_document_does_what_it_shows(console: Console, document: str) -> None:
    """All of its commands, one after another; those that a test cannot run say why."""
    if document != "install":
        status, printed = console.run(INSTALLED)
        assert status == 0, printed
    for block in blocks((DOCS / f"{document}.md").read_text()):
        if block.not_run is None:
            console.go_through(block)
