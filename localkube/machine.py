"""Whether this machine can have a node, asked before anything is built or started."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from localkube.errors import UnavailableError

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # a user's own has no sbin
# Each with Debian's package of it.
NEEDED = {
    "ip": "iproute2",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "mount": "mount",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "runc": "runc",
}
PLUGINS = ("ptp", "host-local", "portmap", "loopback")
PLUGIN_FOLDERS = (Path("/usr/lib/cni"), Path("/opt/cni/bin"))
PLUGIN_PACKAGE = "containernetworking-plugins"
ATTEMPT = """
ip link add localkube type veth
iptables --table nat --list
mount -t tmpfs tmpfs /run
mkdir /run/upper /run/work
mount -t overlay -o lowerdir=/var/lib,upperdir=/run/upper,workdir=/run/work overlay /var/lib
"""


def refuse_without_means() -> None:
    """Raise UnavailableError, with what to do about it, when no node can be had."""
    if sys.platform != "linux":
        raise UnavailableError("a node needs Linux")
    if os.geteuid():
        raise UnavailableError("a node needs root: it makes namespaces, mounts and network interfaces")
    if missing := missing_packages():
        raise UnavailableError(f"a node needs programs that are missing here: apt-get install {' '.join(missing)}")
    if complaint := _namespaces_complaint():
        raise UnavailableError(f"a node needs namespaces of its own, which this machine refuses: {complaint}")


def missing_packages() -> list[str]:
    """Return Debian's packages of what is not there."""
    missing = {package for program, package in NEEDED.items() if shutil.which(program, path=SYSTEM_PATH) is None}
    return sorted(missing | (set() if _has_plugins(plugins()) else {PLUGIN_PACKAGE}))


def plugins() -> Path:
    """Return the folder with the CNI plugins."""
    return next(filter(_has_plugins, PLUGIN_FOLDERS), PLUGIN_FOLDERS[0])


def found(program: str) -> str:
    """Return the path of a program of the system, which `refuse_without_means` has seen."""
    return shutil.which(program, path=SYSTEM_PATH) or program


def with_path(command: tuple[str, ...], *folders: Path) -> tuple[str, ...]:
    """Return a command line that finds the system's programs, and those in `folders`, whatever environment it has."""
    return found("env"), f"PATH={os.pathsep.join([*map(str, folders), SYSTEM_PATH])}", *command


def _has_plugins(folder: Path) -> bool:
    return all((folder / name).exists() for name in PLUGINS)


def _namespaces_complaint() -> str:
    spaces = (found("unshare"), "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
    environment = {"PATH": SYSTEM_PATH, "LC_ALL": "C"}
    done = subprocess.run([*spaces, "sh", "-ec", ATTEMPT], env=environment, capture_output=True, text=True, check=False)
    return done.stderr.strip() if done.returncode else ""
