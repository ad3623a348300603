"""A server of raw bytes that a test writes as a conversation, and what an upstream call makes of it."""

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from multidict import CIMultiDict, CIMultiDictProxy

from tests.proxy.tables import tier
from tierway_proxy.contract.state import State
from tierway_proxy.contract.table import Choice, Route, RouteTable
from tierway_proxy.core.catalog import Catalog
from tierway_proxy.core.commands import Open
from tierway_proxy.core.outcome import Failure
from tierway_proxy.shell.call import Call
from tierway_proxy.shell.http.answer import END, Head
from tierway_proxy.shell.upstream import Upstream

BODY = json.dumps({"model": "Qwen3-8B", "messages": []}).encode()
NOTHING = CIMultiDictProxy(CIMultiDict())


class Peer:
    """The server's end of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def head(self) -> str:
        """The head of the next request. Raises IncompleteReadError when the proxy closed the connection."""
        return (await self._reader.readuntil(b"\r\n\r\n")).decode()

    async def request(self) -> tuple[str, bytes]:
        """Head and body."""
        head = await self.head()
        length = next(line for line in head.lower().split("\r\n") if line.startswith("content-length: "))
        return head, await self._reader.readexactly(int(length.partition(": ")[2]))

    async def says(self, *data: bytes) -> None:
        """Each piece leaves by itself."""
        for piece in data:
            self._writer.write(piece)
            await self._writer.drain()
            await asyncio.sleep(0.002)

    async def answers(self, body: bytes = b"{}", status: str = "200 OK", more: str = "") -> None:
        await self.says(answered(body, status, more))

    async def left(self) -> bool:
        """Wait until the proxy has closed the connection; whether it said anything before."""
        try:
            return bool(await self._reader.read())
        except ConnectionError:
            return False

    def resets(self) -> None:
        """Break the connection, as a process that is killed does."""
        own = self._writer.get_extra_info("socket")
        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


def answered(body: bytes = b"{}", status: str = "200 OK", more: str = "") -> bytes:
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{more}Content-Length: {len(body)}\r\n\r\n".encode()
        + body
    )


Conversation = Callable[[Peer], Awaitable[None]]


class RawServer:
    """`connections` that were made. A conversation that ends closes its connection."""

    def __init__(self, conversations: tuple[Conversation, ...]) -> None:
        self._conversations = conversations
        self.connections = 0
        self.faults: list[BaseException] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        conversation = self._conversations[min(self.connections, len(self._conversations)) - 1]
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                await conversation(Peer(reader, writer))
        except Exception as fault:
            self.faults.append(fault)
            raise
        finally:
            writer.close()


@asynccontextmanager
async def serving(*conversations: Conversation, **options: Any):
    """The first connection has the first conversation, and so on; the last serves all further ones."""
    raw = RawServer(conversations)
    server = await asyncio.start_server(raw.serve, "127.0.0.1", 0, **options)
    raw.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield raw
    finally:
        server.close()
        assert raw.faults == []


def opening(url: str, body: bytes = BODY, **provider: Any) -> Open:
    """The command to send this body to a provider there."""
    table = RouteTable(
        policy="llm/default",
        generation=1,
        tiers={"llm/first": tier(url, provider=provider)},
        routes=dict.fromkeys(("Simple", "Moderate", "Complex"), Route(candidates=(Choice(tier="llm/first"),))),
    )
    candidate = Catalog(table, State(policy="llm/default", sequence=1), "hash", None).of_tier("llm/first")[0]
    return Open(candidate, body, streamed=False)


def ask(upstream: Upstream, command: Open, headers: Any = NOTHING, keys: Any = None, most_unread: int = 65_536) -> Call:
    return upstream.open(command, keys or {}, headers, most_unread)


async def outcome(call: Call) -> tuple[int | None, bytes, Any]:
    """Status, body, and how it ended: END or a failure. The call is closed."""
    status, parts = None, []
    async with asyncio.timeout(10):
        while True:
            event = await call.next(None)
            if isinstance(event, Head):
                status = event.status
            elif isinstance(event, bytes):
                parts.append(event)
            else:
                call.close()
                assert event is END or isinstance(event, Failure)
                return status, b"".join(parts), event
