"""The namespaces of a node: network, mounts and processes of its own.

`unshare` holds them open, as a child of `keeper`; `nsenter` starts programs in them. When the holder is gone, so are
they and all that runs in them.
"""

import secrets
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from localkube import keeper, machine, node_init
from localkube.errors import CommandError
from localkube.programs import Program

NAME = "node"
TIDIES_SECONDS = 30.0


@dataclass(frozen=True)
class Space:
    """`folder` is the one that programs in it may write to; they find one another in `path`, too.

    `cgroup` is the name of the group of all its pods, which no other space has.
    """

    folder: Path
    path: Path
    cgroup: str = field(default_factory=lambda: f"localkube-{secrets.token_hex(4)}")

    @property
    def holder(self) -> int:
        """The process that is in the namespaces, by its number on this machine. It holds them."""
        return int((self.folder / "holder").read_text())

    def program(self) -> Program:
        """Return what makes them, keeps them and, at the end, tidies up after them."""
        ready = self.folder / "ready"
        init = (sys.executable, "-I", "-S", node_init.__file__, str(self.folder), str(ready))
        unshare = (machine.found("unshare"), "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
        keep = (sys.executable, "-I", "-S", keeper.__file__, self.cgroup, str(self.folder / "holder"))
        return Program(NAME, machine.with_path((*keep, *unshare, *init)), ready.exists, tidies_seconds=TIDIES_SECONDS)

    def inside(self, *command: str) -> tuple[str, ...]:
        """Return the command line that runs a command in there."""
        # a new process is in the namespace for *children* of unshare, not in its own
        spaces = {"net": "net", "mount": "mnt", "pid": "pid_for_children"}
        enter = [f"--{option}=/proc/{self.holder}/ns/{file}" for option, file in spaces.items()]
        return machine.with_path((machine.found("nsenter"), *enter, "--", *command), self.path)

    def seen_from_outside(self, inside: str) -> Path:
        """Return where this machine sees a path of theirs."""
        return Path(f"/proc/{self.holder}/root", inside.lstrip("/"))

    def run(self, *command: str, stdin: IO[bytes] | None = None) -> str:
        """Run a command in there to its end; returns what it printed. Raises CommandError."""
        return run(*self.inside(*command), stdin=stdin)

    def processes(self, part: str) -> dict[int, str]:
        """Return those whose cgroup has `part` in its path: command lines by the numbers they have on this machine."""
        found = {}
        for process in Path("/proc").iterdir():
            if process.name.isdigit():
                try:
                    groups, words = (process / "cgroup").read_text(), (process / "cmdline").read_bytes()
                except OSError:  # it ended in this moment
                    continue
                if f"/{self.cgroup}/" in groups and part in groups:
                    found[int(process.name)] = words.replace(b"\0", b" ").decode(errors="replace").strip()
        return found


def run(*command: str, stdin: IO[bytes] | None = None) -> str:
    """Run a command to its end; returns what it printed. Raises CommandError."""
    done = subprocess.run(command, stdin=stdin or subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CommandError(command, done.returncode, done.stderr)
    return done.stdout
