"""Process 1 of a node's namespaces: furnishes them, says so, and stays.

`python node_init.py FOLDER READY`. What the node's programs write goes to memory or to FOLDER, all else is read-only to
them: so they may use their usual paths, and nothing of them is left on the machine. It touches READY when done.

A script that stands alone: it must not depend on where Python finds our package.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

# What a kubelet would set, for the whole machine, as these have no namespaces: it is shown such files instead.
TUNABLES = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}
SYSTEM = Path("/proc/sys")
RUN = Path("/run")
STATE = Path("/var/lib")


def main() -> None:
    """Never returns."""
    folder, ready = sys.argv[1:]
    kept = os.open(folder, os.O_PATH)  # whatever is mounted above it
    for place in (RUN, Path("/var/log")):
        _memory(place)
    _cover(STATE)
    for name in ("containerd", "kubelet"):  # containerd's layers cannot lie on an overlay
        (STATE / name).mkdir(exist_ok=True)
        _memory(STATE / name)
    Path(folder).mkdir(parents=True, exist_ok=True)
    _mount("--no-canonicalize", "--bind", f"/proc/1/fd/{kept}", folder)
    _mount("-o", "remount,bind,ro", "/")
    for name, value in TUNABLES.items():
        _show(value, SYSTEM / name)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)  # noqa: S607 found on the path
    (SYSTEM / "net/ipv4/ip_forward").write_text("1")
    Path(ready).touch()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who loses its parent is ours, and the kernel's to bury
    while True:
        signal.pause()


def _memory(place: Path) -> None:
    _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", str(place))


def _cover(place: Path) -> None:
    """Keep what is there visible, and what is written there in memory."""
    upper, work = RUN / "cover" / "upper", RUN / "cover" / "work"
    for folder in (upper, work):
        folder.mkdir(parents=True)
    _mount("-t", "overlay", "-o", f"lowerdir={place},upperdir={upper},workdir={work}", "overlay", str(place))


def _show(value: str, instead_of: Path) -> None:
    file = RUN / "tunables" / instead_of.relative_to(SYSTEM)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(value)
    _mount("--bind", str(file), str(instead_of))


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)  # noqa: S607 found on the path


if __name__ == "__main__":
    main()
