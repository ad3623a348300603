"""A real Prometheus for a test: its own port, its own data, gone with the test. And what the dashboard would ask it."""

import asyncio
import json
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from monitoring import DASHBOARD, RULES

_START_SECONDS = 60.0
REQUIRED = os.environ.get("TIERWAY_REQUIRE_KUBERNETES") == "1"


def needed(program: str) -> str:
    """Its path; without it the test is skipped, or fails where nothing may be skipped."""
    found = shutil.which(program)
    if found is None:
        (pytest.fail if REQUIRED else pytest.skip)(f"there is no {program}; Debian's package prometheus has it")
    return found


def promtool(*arguments: str, given: str | None = None, cwd: Path | None = None) -> tuple[int, str]:
    """Its status and all that it said."""
    done = subprocess.run(
        [needed("promtool"), *arguments], input=given, cwd=cwd, text=True, check=False, timeout=120,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return done.returncode, done.stdout


@dataclass(frozen=True)
class Query:
    """One of a panel's, with the variables' values put in as Grafana does."""

    panel: str
    expression: str


def dashboard_queries() -> list[Query]:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [Query(panel["title"], filled(target["expr"])) for panel in panels for target in panel.get("targets", ())]


def filled(expression: str) -> str:
    """Everything chosen, and one minute of time shown."""
    for name, value in (("__rate_interval", "1m"), ("__range", "1m")):
        expression = expression.replace(f"${name}", value)
    return re.sub(r"\$(namespace|release|policy)\b", ".*", expression)


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


class Prometheus:
    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url, self._session = url, session

    async def api(self, path: str, **query: str) -> Any:
        """What its HTTP API answers; a query that it cannot parse fails the test with its words."""
        async with self._session.get(f"{self.url}/api/v1/{path}", params=query) as answer:
            said = await answer.json()
        assert said["status"] == "success", (query, said)
        return said["data"]

    async def values(self, expression: str) -> dict[tuple[str, ...], float]:
        """By the values of the labels, in the order of the labels' names; what is not a number is left out."""
        found = (await self.api("query", query=expression))["result"]
        values = {tuple(v for _, v in sorted(each["metric"].items())): float(each["value"][1]) for each in found}
        return {key: value for key, value in values.items() if value == value}  # noqa: PLR0124 (not a number)

    async def answers(self, queries: Sequence[Query], seconds: float = 60.0) -> None:
        """Wait until each has data; fails with those that have none."""
        left, end = list(queries), asyncio.get_running_loop().time() + seconds
        while left := [each for each in left if not await self.values(each.expression)]:
            assert asyncio.get_running_loop().time() < end, f"without data: {left}"
            await asyncio.sleep(0.5)


@asynccontextmanager
async def prometheus(directory: Path, scrape_configs: Sequence[dict[str, Any]]) -> Iterator[Prometheus]:
    """Scrapes once a second, and works by the chart's rules."""
    program, port = needed("prometheus"), _free_port()
    (directory / "prometheus.yml").write_text(yaml.safe_dump(_configuration(scrape_configs)))
    with (directory / "prometheus.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            program, f"--config.file={directory}/prometheus.yml", f"--storage.tsdb.path={directory}/data",
            f"--web.listen-address=127.0.0.1:{port}", stdout=log, stderr=log,
        )  # fmt: skip
    try:
        async with aiohttp.ClientSession() as session:
            found = Prometheus(f"http://127.0.0.1:{port}", session)
            async with asyncio.timeout(_START_SECONDS):
                while not await _ready(found, session):
                    assert process.returncode is None, (directory / "prometheus.log").read_text()
                    await asyncio.sleep(0.1)
            yield found
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), 30)


def static(targets: Sequence[tuple[str, dict[str, str]]]) -> list[dict[str, Any]]:
    """Return the configuration that scrapes each target (host:port) with its labels."""
    each = [{"targets": [address], "labels": labels} for address, labels in targets]
    return [{"job_name": "tierway", "static_configs": each}]


def _configuration(scrape_configs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(RULES)],
        "scrape_configs": list(scrape_configs),
    }


async def _ready(found: Prometheus, session: aiohttp.ClientSession) -> bool:
    try:
        async with session.get(f"{found.url}/-/ready") as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
