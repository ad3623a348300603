"""Proxies as processes: started again when they die, ended in order, ended at once when asked twice."""

import asyncio
import os
import signal
import socket
import sys
from contextlib import asynccontextmanager

import aiohttp
import pytest

from tests.operator.memory import until
from tierway_cli.standalone.proxies import ProxyProcess, command

WAITS = "import time; print('up', flush=True); time.sleep(60)"
SERVES = """
import http.server, sys
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == '/readyz' else 404)
        self.end_headers()
print('up', flush=True)
http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), Ready).serve_forever()
"""
WAITS_AND_IGNORES = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + WAITS


@asynccontextmanager
async def kept(tmp_path, program):
    said, changes, port = [], [], free_port()
    process = ProxyProcess(
        name="proxy-1",
        url="http://127.0.0.1:1",
        admin_url=f"http://127.0.0.1:{port}",
        command=[sys.executable, "-c", program, str(port)],
        log=tmp_path / "log",
        changed=lambda: changes.append(1),
        say=said.append,
    )
    async with aiohttp.ClientSession() as session:
        task = asyncio.create_task(process.keep(session))
        try:
            yield process, said, changes, task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def up(process, times=1):
    await until(lambda: process.log.exists() and process.log.read_text().count("up") >= times)


async def test_a_proxy_that_dies_is_started_again_and_it_is_said(tmp_path):
    """By whatever it died; the store is told of both."""
    async with kept(tmp_path, SERVES) as (process, said, changes, _):
        await until(lambda: process.ready)
        assert process.proxy().serving
        before = len(changes)
        os.kill(process._process.pid, signal.SIGKILL)
        await until(lambda: len(changes) > before)
        assert process.proxy() is None
        await until(lambda: process.ready)
        assert said == [f"proxy-1 ended with SIGKILL; starting it again in 0.5 s. Its log: {tmp_path / 'log'}"]
        assert process.proxy().serving
        assert len(changes) == before + 3  # gone, there, ready


async def test_a_proxy_serves_when_it_says_that_it_is_ready(tmp_path):
    """A process that has only started takes no requests, and Programmed must not count it."""
    async with kept(tmp_path, WAITS) as (process, _, _, _):
        await up(process)
        assert process.proxy().serving is False


async def test_a_proxy_that_dies_young_is_started_more_and_more_seldom(tmp_path):
    """A port that is taken does not burn a core."""
    async with kept(tmp_path, "raise SystemExit(3)") as (process, said, _, _):
        await until(lambda: len(said) == 2)
        assert ["status 3; starting it again in 0.5 s" in said[0], "in 1 s" in said[1]] == [True, True]
        assert process.proxy() is None


async def test_a_proxy_that_is_told_to_end_is_not_started_again(tmp_path):
    """While it finishes it is there, and does not count for Programmed."""
    async with kept(tmp_path, WAITS_AND_IGNORES) as (process, said, _, task):
        await up(process)
        process.end()
        assert (process.proxy().serving, process.proxy().terminating) == (False, True)
        assert not task.done()
        process.end()
        await asyncio.wait_for(task, 5)
        assert process.proxy() is None
        assert said == []


async def test_no_process_outlives_its_keeper(tmp_path):
    """When the command fails, its proxies go with it."""
    async with kept(tmp_path, WAITS_AND_IGNORES) as (process, _, _, _):
        await up(process)
        pid = process._process.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_proxy_is_started_by_this_very_python(tmp_path):
    """With its tables and two ports; its admin port stays on this machine."""
    found = command(tmp_path, "0.0.0.0", 1, 2, ["--region", "eu"])  # noqa: S104
    assert found[:3] == [sys.executable, "-m", "tierway_proxy"]
    assert found[found.index("--admin-host") + 1] == "127.0.0.1"
    assert found[-2:] == ["--region", "eu"]
