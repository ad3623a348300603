"""The image as a kubelet runs it: with little in it, its root read-only, its user a number."""

import json
import re
import secrets
import tarfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest

from localkube import CommandError, Tool, images
from tests.e2e.access import PRODUCT, Access
from tests.e2e.busybox import CONTAINER_SECURITY, create
from tests.e2e.installation import ROOT, make_namespace

pytestmark = pytest.mark.e2e

OWN_LAYERS_MOST_BYTES = 125_000_000
"""What docs/image.md says, and room for an eighth more: what grows it further is wanted, or it is a mistake."""
FIND_TOOLS = "for tool in pip pip3 uv cc gcc g++ c++ clang make ld as; do command -v $tool || true; done"
METRICS = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:9090/metrics').read().decode())"
# what is loaded, and has no bytecode where it is looked for
UNCOMPILED = """
import sys, {program}.command
from pathlib import Path
loaded = [m.__spec__ for m in sys.modules.values() if getattr(m, "__spec__", None) and m.__name__ != "__main__"]
print(len(loaded), [s.name for s in loaded if s.cached and s.has_location and not Path(s.cached).exists()])
"""


class Pod:
    """A proxy that waits for its tables; no volume, nowhere to write."""

    def __init__(self, kubectl: Tool, namespace: str) -> None:
        self._kubectl, self._namespace = kubectl, namespace

    def run(self, *command: str) -> str:
        """Run a command beside the proxy. Raises CommandError."""
        return self._kubectl("exec", f"--namespace={self._namespace}", "proxy", "--", *command)


@pytest.fixture(scope="module")
def pod(access: Access) -> Iterator[Pod]:
    """One that says nothing of a user: the image's own must satisfy the kubelet."""
    namespace = f"image-{secrets.token_hex(3)}"
    make_namespace(access.kubectl, namespace)
    container = {
        "name": "proxy",
        "image": access.product.name,
        "imagePullPolicy": access.product.pull,
        "command": ["python", "-m", "tierway_proxy", "--tables=/nowhere", "--drain-seconds=0"],
        "securityContext": CONTAINER_SECURITY,
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": 9090}, "periodSeconds": 1},
    }
    security = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    spec = {"containers": [container], "securityContext": security, "automountServiceAccountToken": False}
    create(access.kubectl, namespace, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "proxy"}, "spec": spec})
    yield Pod(access.kubectl, namespace)
    access.kubectl("delete", "namespace", namespace, "--wait=false")


@pytest.fixture(scope="module")
def archive(access: Access, tmp_path_factory: pytest.TempPathFactory) -> "Archive":
    """The image as it is handed to a node."""
    if access.product.name != PRODUCT:
        pytest.skip("needs the image that was built here")
    return Archive.read(images.archive(PRODUCT, tmp_path_factory.mktemp("image") / "image.tar"))


@dataclass(frozen=True)
class Archive:
    """What an OCI archive has: the image's configuration, and of each layer, the lowest first, files' sizes by path."""

    config: dict[str, Any]
    layers: list[dict[str, int]]

    @classmethod
    def read(cls, path: Path) -> "Archive":
        with tarfile.open(path) as archive:
            manifest = _json(archive, _json(archive, None)["manifests"][0])
            return cls(_json(archive, manifest["config"]), [_sizes(archive, layer) for layer in manifest["layers"]])


def _json(archive: tarfile.TarFile, described: dict[str, Any] | None) -> Any:
    with _content(archive, described) as content:
        return json.load(content)


def _sizes(archive: tarfile.TarFile, described: dict[str, Any]) -> dict[str, int]:
    with _content(archive, described) as content, tarfile.open(fileobj=content) as layer:
        return {each.name: each.size for each in layer.getmembers()}


def _content(archive: tarfile.TarFile, described: dict[str, Any] | None) -> IO[bytes]:
    """Open a blob of the archive, or its index."""
    name = "index.json" if described is None else f"blobs/{described['digest'].replace(':', '/')}"
    found = archive.extractfile(name)
    assert found is not None
    return found


def test_the_program_and_its_metrics_name_one_version(pod: Pod) -> None:
    """That of the wheel that is in the image."""
    version = pod.run("tierway", "version").strip()
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", version)
    assert f'tierway_build_info{{version="{version}"}} 1.0' in pod.run("python", "-c", METRICS)


def test_it_runs_as_a_user_without_rights_and_writes_nowhere(pod: Pod) -> None:
    """The kubelet took the image's own user; the root filesystem is read-only, and no other is there."""
    assert pod.run("id", "-u").strip() == "65532"
    with pytest.raises(CommandError, match="Read-only file system"):
        pod.run("touch", "/opt/tierway/x")


def test_nothing_can_be_installed_or_compiled_in_it(pod: Pod) -> None:
    """Who gets into a container finds no tool there."""
    assert pod.run("sh", "-c", FIND_TOOLS) == ""
    for module in ("pip", "ensurepip", "setuptools"):
        with pytest.raises(CommandError, match=f"No module named {module}"):
            pod.run("python", "-m", module)


@pytest.mark.parametrize("program", ["tierway_operator", "tierway_proxy"])
def test_all_that_a_program_loads_has_its_bytecode(pod: Pod, program: str) -> None:
    """Compiling it anew would double the time of each start."""
    loaded, _, missing = pod.run("python", "-c", UNCOMPILED.format(program=program)).partition(" ")
    assert int(loaded) > 300
    assert missing.strip() == "[]"


def test_its_labels_say_what_it_is(archive: Archive) -> None:
    """In the names of the OCI."""
    labels = {name.rpartition(".")[2]: text for name, text in archive.config["config"]["Labels"].items()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (labels["title"], labels["licenses"], labels["version"]) == ("Tierway", "Apache-2.0", project["version"])
    assert archive.config["config"]["User"] == "65532:65532"


def test_it_keeps_nothing_of_its_build(archive: Archive) -> None:
    """No index's address, no cache, no lock, no source, in no layer and no step of its history."""
    own = [path for layer in archive.layers[1:] for path in layer]
    assert any(path.endswith("tierway_proxy/__main__.py") for path in own)
    assert [path for path in own if re.search(r"pip\.conf|\.cache|^build/|hatchling|tests/conftest", path)] == []
    assert not re.search("index|secret", json.dumps(archive.config).lower())


def test_it_is_as_small_as_docs_say(archive: Archive) -> None:
    """Its own layers; what BASE weighs is the base's affair."""
    assert 50_000_000 < sum(sum(layer.values()) for layer in archive.layers[1:]) < OWN_LAYERS_MOST_BYTES
