"""What of a cluster could be left on this machine."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from localkube import Cluster


@dataclass(frozen=True)
class Traces:
    """By its names."""

    pids: list[int]
    link: str
    cgroup: str
    directory: str

    @classmethod
    def of(cls, cluster: Cluster, pids: list[int]) -> "Traces":
        """Return those of a cluster that runs, with these of its processes."""
        link = f"localkube-{cluster.node_address.split('.')[2]}"
        return cls(pids, link, cluster._space.cgroup, str(cluster.kubeconfig.parent))

    def left(self) -> dict[str, object]:
        """Return what is there of it now."""
        found = {
            "processes": [pid for pid in self.pids if _runs(pid)],
            "links": [path.name for path in Path("/sys/class/net").iterdir() if path.name == self.link],
            "routes": [line for line in _asked("ip", "route") if self.link in line],
            "mounts": [line for line in _lines("/proc/mounts") if self.directory in line or self.cgroup in line],
            "cgroups": [path for where in (".", "*") for path in Path("/sys/fs/cgroup").glob(f"{where}/{self.cgroup}")],
        }
        return {kind: things for kind, things in found.items() if things}


def machine() -> dict[str, set[str]]:
    """Return what this machine has that a cluster, or the building of an image, could add to."""
    return {
        "mounts": {" ".join(line.split()[:3]) for line in _lines("/proc/mounts")},
        "links": {path.name for path in Path("/sys/class/net").iterdir()},
        "network namespaces": set(_asked("ip", "netns")),
        "rules": set(rules()),
    }


def rules() -> list[str]:
    """Return this machine's packet rules, of both kinds; none where nothing is installed that shows or writes them."""
    shows = filter(shutil.which, ("iptables-save", "iptables-legacy-save"))
    return [line for each in shows for line in _asked(each) if line.startswith("-")]


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return state.rsplit(")", 1)[1].split()[0] != "Z"


def _asked(*command: str) -> list[str]:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def _lines(file: str) -> list[str]:
    return Path(file).read_text().splitlines()
