"""A shell in which a document's commands run one after another, as a reader would type them."""

import os
import re
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.e2e.documents import Block, Command, agrees

MINUTES = 5 * 60.0
IN_TIME = 120.0
_END = "end-of-command-4e1d"


class Console:
    """One bash in a folder: what a command sets or starts is there for the next; all of it ends with the block."""

    def __init__(self, folder: Path, environment: Mapping[str, str], standing_for: Mapping[str, str]) -> None:
        """`standing_for`: what is written for the reader's own, and what a test has instead."""
        self._folder, self._standing_for = folder, standing_for
        self._environment = {**os.environ, **environment}
        self._script = folder / ".command"

    def __enter__(self) -> Self:
        self._shell = subprocess.Popen(
            ["/bin/bash", "--noprofile", "--norc"], cwd=self._folder, env=self._environment, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.killpg(self._shell.pid, signal.SIGKILL)
        self._shell.wait()
        for pipe in (self._shell.stdin, self._shell.stdout):
            if pipe is not None:
                pipe.close()

    def go_through(self, block: Block) -> None:
        """Run a block's commands, and fail where the document is wrong."""
        for text in block.before:
            self.expect(Command(block.line, text), fails=False, in_time=False)
        for command in block.commands:
            last = command is block.commands[-1]
            self.expect(command, fails=block.fails and last, in_time=block.in_time)

    def expect(self, command: Command, *, fails: bool, in_time: bool) -> None:
        """Run it, again and again where its output comes in time."""
        deadline = time.monotonic() + (IN_TIME if in_time else 0)
        while True:
            status, printed = self.run(command.text)
            good = (status != 0) == fails and agrees(command.shown, printed)
            if good or time.monotonic() > deadline:
                break
            time.sleep(1)
        assert good, (
            f"line {command.line}: $ {command.text}\nshown:\n" + "\n".join(command.shown)
            + f"\nprinted, with status {status}:\n{printed}"
        )  # fmt: skip

    def run(self, text: str, seconds: float = MINUTES) -> tuple[int, str]:
        """Return status and what was printed, errors too."""
        for theirs, ours in self._standing_for.items():
            text = text.replace(theirs, ours)
        self._script.write_text(f"{text}\n")
        assert self._shell.stdin is not None
        self._shell.stdin.write(f". {self._script} </dev/null; status=$?; echo; echo {_END} $status\n".encode())
        self._shell.stdin.flush()
        printed = self._until_end(text, time.monotonic() + seconds)
        return int(printed[2]), printed[1]

    def _until_end(self, text: str, deadline: float) -> re.Match[str]:
        assert self._shell.stdout is not None
        printed = ""
        with selectors.DefaultSelector() as selector:
            selector.register(self._shell.stdout, selectors.EVENT_READ)
            while not (found := re.search(rf"\A(.*)\n{_END} (\d+)\n", printed, re.DOTALL)):
                assert selector.select(max(0.0, deadline - time.monotonic())), f"too long: {text}\n{printed}"
                more = os.read(self._shell.stdout.fileno(), 65536).decode(errors="replace")
                assert more, f"it ended the shell: {text}\n{printed}"
                printed += more
        return found
