"""Everything as it runs on one machine: two simulated providers, two proxies, the operator's loop, and callers."""

import asyncio
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from demo.corpus import load, sequence
from demo.processes import started, wait_for
from demo.providers import Simulated, simulated
from demo.stage import copy_quickstart

PROXIES = 2
_AT_ONCE = 24
# whose condition does not hold: what the dashboard has a table of
REFUSED = """
apiVersion: tierway.dev/v1alpha1
kind: RoutingPolicy
metadata: {name: refused, namespace: llm}
spec:
  routes:
  - {class: Simple, candidates: [{tierRef: {name: nowhere}}]}
  - {class: Moderate, candidates: [{tierRef: {name: nowhere}}]}
  - {class: Complex, candidates: [{tierRef: {name: nowhere}}]}
"""


@dataclass(frozen=True)
class Scene:
    """`proxies`: where callers go. `admin`, `operator`: host:port of the pages of metrics."""

    providers: list[Simulated]
    proxies: list[str]
    admin: list[str]
    operator: str

    def targets(self) -> list[tuple[str, dict[str, str]]]:
        """With the labels that the chart's PodMonitors give."""
        common = {"namespace": "llm", "release": "tierway"}
        pods = [(each, {"job": "tierway-proxy", "pod": f"proxy-{n}"}) for n, each in enumerate(self.admin)]
        pods.append((self.operator, {"job": "tierway-operator", "pod": "operator"}))
        return [(each, common | labels) for each, labels in pods]

    async def ask(self, session: aiohttp.ClientSession, number: int) -> list[int]:
        """So many of the demo's requests, streamed and not, of both policies; the statuses that callers got."""
        samples = enumerate(sequence(load(), number))
        found: list[int] = []

        async def caller() -> None:
            for count, sample in samples:
                body = {"model": "auto", "stream": count % 2 == 0, **sample.request}
                url = f"{self.proxies[count % PROXIES]}/llm/{sample.policy}/v1/chat/completions"
                async with session.post(url, json=body) as answer:
                    await answer.read()
                    found.append(answer.status)

        await asyncio.gather(*(caller() for _ in range(_AT_ONCE)))
        return found


@asynccontextmanager
async def playing(work: Path):
    objects, log, first = work / "objects", work / "standalone.log", _ports(2 * PROXIES + 1)
    callers, admin, health = first, first + PROXIES, first + 2 * PROXIES
    with simulated(work) as providers:
        copy_quickstart(objects, {each.written: each.port for each in providers})
        (objects / "refused.yaml").write_text(REFUSED)
        flags = ["--proxies", str(PROXIES), "--port", str(callers), "--admin-port", str(admin)]
        flags += ["--health-port", str(health), "--region", "us-east", "--default-policy", "llm/default"]
        with started("tierway_cli", "standalone", str(objects), *flags, "--report-every", "1", log=log) as process:
            ports = [f"127.0.0.1:{admin + number}" for number in range(PROXIES)]
            for each in [*ports, f"127.0.0.1:{health}"]:
                await asyncio.to_thread(wait_for, f"http://{each}/readyz", process, log)
            urls = [f"http://127.0.0.1:{callers + number}" for number in range(PROXIES)]
            yield Scene(providers, urls, ports, f"127.0.0.1:{health}")


def _ports(number: int) -> int:
    """The first of so many free ones in a row."""
    for first in range(20_000, 30_000, number):
        try:
            for port in range(first, first + number):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
    raise OSError("127.0.0.1 has no free ports in a row")
