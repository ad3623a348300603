"""A client that reads slowly pauses its upstream: memory stays flat, nothing is lost, and nobody is cut for it."""

import asyncio
import socket
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from tests.provider.wire import request
from tests.proxy.asks import STREAM
from tests.proxy.scripted import chunk, events
from tests.proxy.tables import POLICY, chain

EVENT = events(chunk({"content": "x" * 16_000}))
END = events(chunk(finish="stop"), "[DONE]")
COUNT = 3000
KERNEL = 64 << 10
WHAT_SOCKETS_HOLD = 14 << 20
"""The proxy's own two sockets may grow to the kernel's maximum (6 MiB to receive, 4 MiB to send); ours cannot."""


class Torrent:
    """An upstream that writes 48 MB as fast as they are taken; `written` of its events were."""

    def __init__(self):
        self.written = 0
        self.url = ""

    async def serve(self, reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        for self.written in range(1, COUNT + 1):
            writer.write(EVENT)
            await writer.drain()
        writer.write(END)
        writer.close()

    async def paused(self):
        """Wait until nothing was taken for a while; how many bytes were before."""
        before = -1
        while before != self.written:
            before = self.written
            await asyncio.sleep(0.3)
        return self.written * len(EVENT)


@asynccontextmanager
async def torrent():
    upstream = Torrent()
    listening = _narrow(socket.SO_SNDBUF)
    listening.bind(("127.0.0.1", 0))
    server = await asyncio.start_server(upstream.serve, sock=listening)
    upstream.url = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
    try:
        yield upstream
    finally:
        server.close()


def _narrow(option):
    """A socket whose buffer the kernel does not let grow."""
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, option, KERNEL)
    return narrow


@asynccontextmanager
async def idle_client(proxy):
    """A client that has asked for a stream and reads nothing by itself."""
    narrow = _narrow(socket.SO_RCVBUF)
    narrow.setblocking(False)
    await asyncio.get_running_loop().sock_connect(narrow, ("127.0.0.1", urlsplit(proxy.url).port))
    reader, writer = await asyncio.open_connection(sock=narrow, limit=KERNEL)
    writer.write(request(STREAM))
    try:
        yield reader
    finally:
        writer.transport.abort()


async def test_a_client_that_does_not_read_pauses_its_upstream(start):
    """What is not read stays with the provider, but for what sockets hold."""
    async with torrent() as upstream:
        proxy = await start(chain(upstream.url, streaming={"buffer_bytes": 65_536}))
        async with idle_client(proxy):
            assert await upstream.paused() < WHAT_SOCKETS_HOLD
    assert (await proxy.counted()).policies[POLICY].outcomes == {"ClientLeft": 1}


async def test_a_client_that_reads_late_gets_all_of_it(start):
    """Later than the stall limit: it was the client that stalled, not the upstream."""
    async with torrent() as upstream:
        proxy = await start(chain(upstream.url, streaming={"stall_ms": 200}))
        async with idle_client(proxy) as reader:
            await upstream.paused()
            body = bytearray()
            while not body.endswith(b"0\r\n\r\n"):
                body += await reader.read(1 << 20)
    assert body.count(b"data: {") == COUNT + 1
    assert b"[DONE]" in body
    assert (await proxy.counted()).policies[POLICY].outcomes == {"Answered": 1}


async def test_one_slow_client_slows_nobody_else(start, sdk, front):
    """Its upstream is paused, not the proxy."""
    async with torrent() as upstream:
        proxy = await start(chain(upstream.url), chain(front.url, policy="llm/other"))
        async with idle_client(proxy):
            await upstream.paused()
            client = await sdk(proxy, base_url=f"{proxy.root}/llm/other/v1")
            async with asyncio.timeout(5):
                for _ in range(20):
                    await client.chat.completions.create(**STREAM | {"stream": False})
