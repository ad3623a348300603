"""Performs an answer's steps on a socket, and settles the request's tab. The only clock here is the event loop's.

A client that leaves is noticed by the server (which cancels the handler) or by the next write; either way generation
ends there. A client that does not read pauses it: a write waits until the connection takes bytes again.
"""

from __future__ import annotations

import asyncio
import socket
import struct

from aiohttp import web

from tierway_cli.provider.answering import steps
from tierway_cli.provider.counts import Tab
from tierway_cli.provider.scripts import Script
from tierway_cli.provider.steps import Break, Headers, Pause, Send, Stall

_LINGER_ZERO = struct.pack("ii", 1, 0)


class Player:
    """Plays one script to one client."""

    def __init__(self, request: web.Request, tab: Tab, headers: dict[str, str]) -> None:
        self._request, self._tab, self._headers = request, tab, headers
        self._response: web.StreamResponse | None = None
        self._loop = asyncio.get_running_loop()
        self._due = self._loop.time()

    async def play(self, script: Script, *, stream: bool) -> web.StreamResponse:
        """Perform all steps; afterwards the tab is closed, whatever happened."""
        try:
            for step in steps(script, stream=stream):
                match step:
                    case Headers(length):
                        await self._open(length)
                    case Pause(seconds):
                        self._due += seconds
                        await asyncio.sleep(max(0.0, self._due - self._loop.time()))
                    case Stall(seconds):
                        await asyncio.sleep(seconds)
                        self._due = max(self._due, self._loop.time())
                    case Send():
                        await self._send(step)
                    case Break(how, end):
                        self._tab.close(end)
                        break_connection(self._request.transport, how)
                        break
        except ConnectionError:
            pass  # the client left: the tab says so
        finally:
            self._tab.close("left")
        return self._response or web.Response()

    async def _open(self, length: int | None) -> None:
        kind = "text/event-stream; charset=utf-8" if length is None else "application/json"
        self._response = web.StreamResponse(headers={**self._headers, "Content-Type": kind})
        if length is None:
            self._response.headers["Cache-Control"] = "no-cache"
        self._response.content_length = length
        await self._response.prepare(self._request)

    async def _send(self, step: Send) -> None:
        transport = self._request.transport
        if self._response is None or transport is None or transport.is_closing():
            raise ConnectionResetError
        self._tab.wrote(step.tokens)  # before the client can have read them
        if step.end:
            self._tab.close(step.end)
        await self._response.write(step.data)


def break_connection(transport: asyncio.Transport | None, how: str) -> None:
    """End a connection: ``close`` flushes and sends FIN, ``reset`` sends RST, ``clean`` leaves it to HTTP."""
    if transport is None or how == "clean":
        return
    if how == "close":
        transport.close()
        return
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
    transport.abort()
