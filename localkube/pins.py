"""What is built, and from what: each module's go.mod and go.sum fix every source to its last byte.

A new version is a new go.mod: change the version everywhere in it, run `go mod tidy` beside it, and commit both
files.
"""

import hashlib
import platform
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from localkube.errors import UnavailableError

FOLDER = Path(__file__).parent / "modules"
GO_REQUIREMENTS = FOLDER / "go.txt"
Version = tuple[int, int, int]


@dataclass(frozen=True)
class Module:
    """A Go module of ours that pins other people's programs.

    `packages` names the Go package of each program; `dependency` is the module whose version they carry, told to the
    linker by `stamps`: a server that calls itself v0.0.0 is refused by kubectl and helm.
    """

    name: str
    dependency: str
    packages: dict[str, str]
    stamps: dict[str, str]

    @property
    def folder(self) -> Path:
        return FOLDER / self.name

    @property
    def version(self) -> Version:
        return _version(self._pinned(rf"^\t?(?:require )?{re.escape(self.dependency)} v(\S+)"))

    @property
    def minor(self) -> int:
        return self.version[1]

    @property
    def go(self) -> Version:
        """The oldest Go that builds it."""
        return _version(self._pinned(r"^go (\S+)"))

    @property
    def linker_flags(self) -> str:
        major, minor, patch = self.version
        values = {name: value.format(major=major, minor=minor, patch=patch) for name, value in self.stamps.items()}
        return " ".join(["-s", "-w", *(f"-X={name}={value}" for name, value in values.items())])

    @property
    def digest(self) -> str:
        """Changes with anything that makes other binaries."""
        parts = [(self.folder / file).read_bytes() for file in ("go.mod", "go.sum")]
        parts += [text.encode() for text in (self.linker_flags, sys.platform, platform.machine())]
        return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]

    def _pinned(self, pattern: str) -> str:
        found = re.search(pattern, (self.folder / "go.mod").read_text(), re.MULTILINE)
        if found is None:
            raise UnavailableError(f"{self.folder / 'go.mod'} has no line like {pattern}")
        return found[1]


KUBERNETES = Module(
    "kubernetes",
    "k8s.io/kubernetes",
    {
        "etcd": "go.etcd.io/etcd/server/v3",
        "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
        "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
        "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
        "kubelet": "k8s.io/kubernetes/cmd/kubelet",
        "kube-proxy": "k8s.io/kubernetes/cmd/kube-proxy",
    },
    {
        "k8s.io/component-base/version.gitVersion": "v{major}.{minor}.{patch}",
        "k8s.io/component-base/version.gitMajor": "{major}",
        "k8s.io/component-base/version.gitMinor": "{minor}",
    },
)
HELM = Module(
    "helm",
    "helm.sh/helm/v4",
    {"helm": "helm.sh/helm/v4/cmd/helm"},
    {"helm.sh/helm/v4/internal/version.version": "v{major}.{minor}.{patch}"},
)
CONTAINERD = Module(
    "containerd",
    "github.com/containerd/containerd/v2",
    {
        name: f"github.com/containerd/containerd/v2/cmd/{name}"
        for name in ("containerd", "containerd-shim-runc-v2", "ctr")
    },
    {"github.com/containerd/containerd/v2/version.Version": "v{major}.{minor}.{patch}"},
)
COREDNS = Module("coredns", "github.com/coredns/coredns", {"coredns": "github.com/coredns/coredns"}, {})


def _version(text: str) -> Version:
    major, minor, patch = (int(part) for part in f"{text}.0.0".split(".")[:3])
    return major, minor, patch
