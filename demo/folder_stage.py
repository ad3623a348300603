"""The stage that needs nothing: `tierway standalone` on a folder."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from demo.processes import free_port, started, wait_for
from demo.stage import PROXIES, Object, Stage, copy_quickstart


@contextmanager
def on_a_folder(work: Path, provider_ports: dict[int, int]) -> Iterator[Stage]:
    """The stage, up and serving. Raises ProgramError."""
    objects = work / "objects"
    copy_quickstart(objects, provider_ports)
    port, admin_port = _consecutive(8080), _consecutive(9090)
    log = work / "standalone.log"
    arguments = ["--proxies", str(PROXIES), "--port", str(port), "--admin-port", str(admin_port)]
    arguments += ["--region", "us-east", "--default-policy", "llm/default", "--report-every", "2"]
    with started("tierway_cli", "standalone", str(objects), *arguments, log=log) as process:
        for number in range(PROXIES):
            wait_for(f"http://127.0.0.1:{admin_port + number}/readyz", process, log)
        yield Stage(
            what="a folder of YAML (tierway standalone)",
            proxies=tuple(f"http://127.0.0.1:{port + number}" for number in range(PROXIES)),
            objects=objects,
            apply=lambda _: None,  # a file that is saved is applied
            tables_command=f"{_command()} get modeltiers,routingpolicies --folder {objects}",
            tables=lambda: _get(objects),
            found=lambda plural: _found(objects, plural),
            hints=(f"$EDITOR {objects}/policy-default.yaml",),
        )


def _command() -> str:
    """`tierway` as a person can type it here: it stands beside our Python, which is seldom on the path."""
    beside = Path(sys.executable).with_name("tierway")
    return str(beside.relative_to(Path.cwd())) if beside.is_relative_to(Path.cwd()) else "tierway"


def _consecutive(preferred: int) -> int:
    """A port whose followers are free too, one for each proxy."""
    first = free_port(preferred)
    while any(free_port(first + number) != first + number for number in range(PROXIES)):
        first = free_port(0)
    return first


def _get(objects: Path) -> str:
    command = [sys.executable, "-m", "tierway_cli", "get", "modeltiers,routingpolicies", "--folder", str(objects)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 (ours)


def _found(objects: Path, plural: str) -> list[Object]:
    kind = {"modeltiers": "modeltier", "routingpolicies": "routingpolicy"}[plural]
    return [yaml.safe_load(file.read_text()) for file in sorted((objects / "status").glob(f"{kind}.*.yaml"))]
