"""A client of raw sockets: what came over the wire, byte for byte, and how the connection ended."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

ASK = {"model": "Qwen3-8B", "messages": [{"role": "user", "content": "How do refunds work?"}]}
STREAM = {**ASK, "stream": True}


@dataclass(frozen=True)
class Reply:
    """``raw`` is all that came, in ``reads``; ``reset`` whether it ended with RST."""

    reads: list[bytes]
    reset: bool

    @property
    def raw(self):
        return b"".join(self.reads)

    @property
    def status(self):
        return int(self.raw.split(b" ", 2)[1])

    @property
    def head(self):
        return self.raw.partition(b"\r\n\r\n")[0].decode().lower()

    @property
    def whole(self):
        """Whether the body ended as HTTP wants it."""
        body = self.raw.partition(b"\r\n\r\n")[2]
        if "transfer-encoding: chunked" in self.head:
            return body.endswith(b"0\r\n\r\n")
        length = next(line for line in self.head.split("\r\n") if line.startswith("content-length"))
        return len(body) == int(length.partition(":")[2])

    @property
    def chunks(self):
        """The body's bytes, chunk by chunk, as the provider wrote them."""
        body, chunks = self.raw.partition(b"\r\n\r\n")[2], []
        if "transfer-encoding: chunked" not in self.head:
            return [body]
        while body and body != b"0\r\n\r\n":
            size, _, rest = body.partition(b"\r\n")
            chunks.append(rest[: int(size, 16)])
            body = rest[int(size, 16) + 2 :]
        return chunks

    @property
    def body(self):
        return b"".join(self.chunks)

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def frames(self):
        """The SSE frames without the blank lines between them."""
        return [frame for frame in self.body.decode().split("\n\n") if frame]

    @property
    def events(self):
        """The decoded data of each frame; ``"[DONE]"`` stays a text, comments are left out."""
        data = [frame.removeprefix("data: ") for frame in self.frames if frame.startswith("data: ")]
        return [text if text == "[DONE]" else json.loads(text) for text in data]

    @property
    def tokens(self):
        """The texts of the content chunks."""
        deltas = [e["choices"][0]["delta"] for e in self.events if e != "[DONE]" and e.get("choices")]
        return [delta["content"] for delta in deltas if delta.get("content")]


@asynccontextmanager
async def connected(url):
    """Open a connection to the server of a URL, and close it behind the block."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


@asynccontextmanager
async def asking(provider, body, fault=""):
    """Send a request and yield the reader of its answer; the client leaves behind the block."""
    async with connected(provider.url) as (reader, writer):
        writer.write(request(body, {"x-provider-fault": fault}))
        yield reader


async def read_tokens(reader, count):
    """Read a stream until so many content chunks have come."""
    data = b""
    while data.count(b'"delta":{"content":') < count:
        data += await reader.read(65536)
    return data


async def eventually(condition):
    """Wait for what another party is about to do."""
    for _ in range(5000):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it did not happen")


async def silent(reader):
    """Say whether a connection stays open and brings nothing for a tenth of a second."""
    try:
        await asyncio.wait_for(reader.read(1), 0.1)
    except TimeoutError:
        return True
    return False


async def ended(reader):
    """Read to the end of a connection."""
    while await reader.read(65536):
        pass


def request(body, headers=None, path="/v1/chat/completions", method="POST"):
    """Write a request as bytes; a body of bytes is sent as it is."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: provider", "Connection: close", f"Content-Length: {len(content)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + content


async def ask(provider, body, fault=None, headers=None, **kwargs):
    """Send one request, with a fault by header, and read until the connection ends."""
    headers = {**(headers or {}), **({"x-provider-fault": fault} if fault else {})}
    reads, reset = [], False
    async with connected(provider.url) as (reader, writer):
        writer.write(request(body, headers, **kwargs))
        try:
            while data := await reader.read(65536):
                reads.append(data)
        except ConnectionResetError:
            reset = True
    return Reply(reads, reset)
