"""The parent of a node's namespaces: whatever ends it or its own parent, nothing of the node is left.

`python keeper.py CGROUP HOLDER COMMAND…` makes a cgroup of that name in every hierarchy, starts the command that makes
the namespaces (`unshare`), and writes that command's process number to the file HOLDER. At the end, by SIGTERM or
because the command ended, it kills the command, and with the last process of the namespaces the kernel takes mounts,
interfaces and packet rules along. cgroups are what the kernel does not take along: it removes them here.

A script that stands alone: it must not depend on where Python finds our package.
"""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

REMOVE_SECONDS = 20.0
POLL_SECONDS = 0.02


def main() -> None:
    """Keep the command until it or we shall end."""
    name, holder, command = sys.argv[1], Path(sys.argv[2]), sys.argv[3:]
    signal.signal(signal.SIGTERM, _end)
    groups = [hierarchy / name for hierarchy in _hierarchies()]
    child = None
    try:
        for group in groups:
            group.mkdir()
            _delegate(group)
        guard = [sys.executable, "-I", "-S", str(Path(__file__).with_name("until_parent_ends.py")), str(os.getpid())]
        child = subprocess.Popen([*guard, str(int(signal.SIGKILL)), *command])
        holder.write_text(str(child.pid))
        sys.exit(child.wait())
    finally:
        if child is not None:
            child.kill()
            child.wait()
        for group in groups:
            _remove(group)


def _end(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one must not cut the tidying up
    sys.exit(0)


def _hierarchies() -> list[Path]:
    """One for each controller, or the one of version 2, or both."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    return [Path(mount[1]) for mount in mounts if mount[2] in {"cgroup", "cgroup2"}]


def _delegate(group: Path) -> None:
    """Pass controllers down, where they must be asked for (version 2)."""
    for folder in (group.parent, group):
        control = folder / "cgroup.subtree_control"
        if control.exists():
            for controller in (folder / "cgroup.controllers").read_text().split():
                with suppress(OSError):  # the kubelet says which one it misses
                    control.write_text(f"+{controller}")


def _remove(group: Path) -> None:
    """Remove it with all below, the deepest first; the last process of the namespaces may take a moment to end."""
    end = time.monotonic() + REMOVE_SECONDS
    while group.exists() and time.monotonic() < end:
        for folder, _, _ in os.walk(group, topdown=False):
            with suppress(OSError):
                Path(folder).rmdir()
        time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    main()
