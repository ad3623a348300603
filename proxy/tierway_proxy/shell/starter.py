"""Whoever started this process and holds its standard input: when that is gone, so is the reason to go on."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def starter(left: asyncio.Event | None) -> AsyncIterator[None]:
    """Sets `left` when standard input ends: the kernel closes its other end however whoever held it has died."""
    if left is None:
        yield
        return
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: _Ends(left), sys.stdin)
    try:
        yield
    finally:
        transport.close()


class _Ends(asyncio.Protocol):
    """Reads a pipe for nothing but its end."""

    def __init__(self, ended: asyncio.Event) -> None:
        self._ended = ended

    def eof_received(self) -> None:
        self._ended.set()
