"""An upstream of raw bytes, for what the simulator is too well-behaved to do."""

import asyncio
import json
import ssl
from collections.abc import Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

HANG_UP = b""
"""Instead of a reply: the connection is closed."""


def reply(body: bytes, *headers: str, status: str = "200 OK", kind: str = "text/event-stream") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def events(*values: object) -> bytes:
    """Server-sent events of JSON values; a text is sent as it is."""
    texts = (value if isinstance(value, str) else json.dumps(value) for value in values)
    return "".join(f"data: {text}\n\n" for text in texts).encode()


def chunk(delta: dict[str, object] | None = None, finish: str | None = None, **fields: object) -> dict[str, object]:
    choices = [{"index": 0, "delta": delta or {}, "finish_reason": finish}]
    return {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices, **fields}


HELLO = events(chunk({"role": "assistant", "content": "Hello"}), chunk(finish="stop"), "[DONE]")


@dataclass
class Scripted:
    """`heads` of the requests that came; each is answered with the next reply, the last of them again and again."""

    replies: Sequence[bytes]
    url: str = ""
    heads: list[str] = field(default_factory=list)
    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await _request(reader):
                self.heads.append(head)
                answer = self.replies[min(len(self.heads), len(self.replies)) - 1]
                if answer == HANG_UP:
                    break
                writer.write(answer)
                await writer.drain()
        finally:
            writer.close()


async def _request(reader: asyncio.StreamReader) -> str:
    """The head of the next request, its body having been read; empty when the client is gone."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (asyncio.IncompleteReadError, ConnectionError):
        return ""
    length = next(line for line in head.lower().split("\r\n") if line.startswith("content-length:"))
    await reader.readexactly(int(length.partition(":")[2]))
    return head


@asynccontextmanager
async def scripted(*replies: bytes, tls: ssl.SSLContext | None = None):
    upstream = Scripted(replies)
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0, ssl=tls)
    upstream.url = f"http{'s' if tls else ''}://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield upstream
    finally:
        server.close()
