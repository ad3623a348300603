"""Where a program comes from: KUBEBUILDER_ASSETS when set, else the user's cache, else a build into that cache."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from localkube.building import build
from localkube.pins import KUBERNETES, Module


@dataclass(frozen=True)
class Binaries:
    """The three programs of a control plane."""

    etcd: Path
    kube_apiserver: Path
    kube_controller_manager: Path


def binaries() -> Binaries:
    """Find them, or build what is missing: minutes, with progress on stderr. Raises UnavailableError."""
    found = find(KUBERNETES, ["etcd", "kube-apiserver", "kube-controller-manager"])
    return Binaries(found["etcd"], found["kube-apiserver"], found["kube-controller-manager"])


def find(module: Module, names: Sequence[str], environment: Mapping[str, str] = os.environ) -> dict[str, Path]:
    """Find these programs of a module, or build what is missing. Raises UnavailableError."""
    given = assets(names, environment)
    missing = [name for name in names if name not in given]
    return given | (build(module, missing, cache(environment)) if missing else {})


def assets(names: Sequence[str], environment: Mapping[str, str] = os.environ) -> dict[str, Path]:
    """Return those that KUBEBUILDER_ASSETS has: envtest's own folder, for one, has no kube-controller-manager."""
    folder = environment.get("KUBEBUILDER_ASSETS")
    paths = {name: Path(folder, name).absolute() for name in names} if folder else {}
    return {name: path for name, path in paths.items() if os.access(path, os.X_OK)}


def cache(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder for all that we build, which may not exist yet."""
    base = environment.get("XDG_CACHE_HOME") or Path(environment.get("HOME") or Path.home(), ".cache")
    return Path(base, "tierway").absolute()
