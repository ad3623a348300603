"""Answers name the server that made them, and not what it is made of: versions help whoever looks for a way in."""

import pytest

from tests.provider.wire import Reply, connected, request
from tests.proxy.asks import ASK, STREAM

SENT = {
    "json": request(ASK),
    "stream": request(STREAM),
    "refused": request({}),
    "explained": request(ASK, path="/v1/route"),
    "models": request(b"", path="/v1/models", method="GET"),
    "path": request(b"", path="/"),
    "head": b"GET / HTTP/1.1\r\nContent-Length: abc\r\n\r\n",
}
ADMIN = ["/healthz", "/metrics", "/observations", "/nowhere"]


def named(reply):
    return [line for line in reply.head.split("\r\n") if line.startswith("server:")]


@pytest.mark.parametrize("sent", SENT.values(), ids=SENT)
async def test_every_answer_to_callers_is_by_tierway(proxy, sent):
    """Whoever writes it: the relay, aiohttp for what is refused, or its reader of heads."""
    async with connected(proxy.url) as (reader, writer):
        writer.write(sent)
        reply = Reply([await reader.read(-1)], reset=False)
    assert named(reply) == ["server: tierway"]


@pytest.mark.parametrize("path", ADMIN)
async def test_so_is_every_answer_of_the_admin_port(proxy, path):
    """Those of aiohttp's own router too."""
    async with connected(proxy.admin) as (reader, writer):
        writer.write(request(b"", path=path, method="GET"))
        reply = Reply([await reader.read(-1)], reset=False)
    assert named(reply) == ["server: tierway"]
