"""Two simulated providers in two regions, as programs of their own, and the switch that breaks one."""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from demo.processes import free_port, started, wait_for

_REGIONS = {9101: "us-east", 9102: "ap-southeast"}
_TOKENS_SCALE = "0.6"  # shorter answers, so that the show takes a minute


@dataclass(frozen=True)
class Simulated:
    """One provider. `written`: the port by which the examples call it."""

    region: str
    written: int
    port: int
    admin_port: int

    def fail(self) -> None:
        """From now on each new request finds its connection broken; answers under way go on."""
        self._call("POST", "faults", {"fault": "refuse", "model": None})

    def recover(self) -> None:
        self._call("DELETE", "faults")

    def served(self, what: str) -> int:
        """A figure of its own counts, over all models."""
        return sum(int(model[what]) for model in self._call("GET", "counts").values())

    def _call(self, method: str, what: str, body: object = None) -> dict[str, dict[str, int]]:
        data = None if body is None else json.dumps(body).encode()
        url = f"http://127.0.0.1:{self.admin_port}/admin/{what}"
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return json.loads(answer.read() or b"{}")  # type: ignore[no-any-return]


@contextmanager
def simulated(work: Path) -> Iterator[list[Simulated]]:
    with ExitStack() as stack:
        yield [_start(stack, work, written, region) for written, region in _REGIONS.items()]


def _start(stack: ExitStack, work: Path, written: int, region: str) -> Simulated:
    one = Simulated(region, written, free_port(written), free_port(written + 100))
    log = work / f"provider-{region}.log"
    ports = ["--port", str(one.port), "--admin-port", str(one.admin_port)]
    options = ["--region", region, "--tokens-scale", _TOKENS_SCALE, *ports]
    process = stack.enter_context(started("tierway_cli", "provider", *options, log=log))
    wait_for(f"http://127.0.0.1:{one.admin_port}/admin/counts", process, log)
    return one
