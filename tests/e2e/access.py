"""Which cluster a run has, by which commands, and how its pods name the images.

It is one of the run's own, unless KUBECONFIG names one *and* TIERWAY_IMAGE and TIERWAY_CALLER_IMAGE name images that
its nodes can pull.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from localkube import Cluster, Tool, images
from localkube import helm as helm_of
from localkube import kubectl as kubectl_of
from tests.e2e.installation import ROOT, Image

GIVEN = "KUBECONFIG", "TIERWAY_IMAGE", "TIERWAY_CALLER_IMAGE"
HERE = Path(__file__).parent
PRODUCT, CALLER = "localhost/tierway:dev", "localhost/caller:dev"


@dataclass(frozen=True)
class Access:
    """The commands for the run's cluster, and how its pods name the images."""

    kubectl: Tool
    helm: Tool
    product: Image
    caller: Image


def is_given() -> bool:
    return all(os.environ.get(name) for name in GIVEN)


def whose() -> str:
    """Return a line that says which cluster it is, and what was said of one that is not used."""
    if is_given():
        return f"that of KUBECONFIG={os.environ['KUBECONFIG']}"
    there = [name for name in GIVEN if os.environ.get(name)]
    missing = [name for name in GIVEN if name not in there]
    return "one of its own" + (f"; {', '.join(there)} not used without {', '.join(missing)}" if there else "")


def given() -> Access:
    """Return the cluster that the environment names."""
    kubeconfig, product, caller = (os.environ[name] for name in GIVEN)
    tools = kubectl_of(Path(kubeconfig)), helm_of(Path(kubeconfig))
    return Access(*tools, Image(product, "IfNotPresent"), Image(caller, "IfNotPresent"))


def built_for(cluster: Cluster, folder: Path) -> Access:
    """Build both images and load them into the cluster; takes a minute, and says what it does."""
    images.build(ROOT / "Containerfile", ROOT, PRODUCT)
    images.build(HERE / "caller/Containerfile", _context(folder), CALLER)
    for name in (PRODUCT, CALLER):
        cluster.load(images.archive(name, folder / "image.tar"))
    return Access(cluster.kubectl, cluster.helm, Image(PRODUCT, "Never"), Image(CALLER, "Never"))


def _context(folder: Path) -> Path:
    """What the callers' image is built of."""
    shutil.copy(ROOT / "requirements/demo.txt", folder / "requirements.txt")
    for script in (HERE / "caller").glob("*.py"):
        shutil.copy(script, folder)
    return folder
