"""The caller's side of a request on aiohttp: begins, passes on, ends or refuses, as an exchange says.

What an exchange answers is written to the connection here, head and all: aiohttp's own response objects would take as
long as all else that passing on an answer does.
"""

import asyncio
import re
import time
from email.utils import formatdate
from functools import lru_cache
from http.client import responses

from aiohttp import HttpVersion11, web

from tierway_proxy.core.exchange import Exchange
from tierway_proxy.core.plan import Plan
from tierway_proxy.core.refusal import Refusal
from tierway_proxy.shell.relay import ClientGoneError

_JSON = "Content-Type: application/json\r\n"
_EVENTS = "Content-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\nX-Accel-Buffering: no\r\n"
_LONGEST_REASON = 200
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
SERVER = {"Server": "tierway"}
"""Which versions of what it is made of is nobody's business."""


class Written(web.StreamResponse):
    """Tells aiohttp that nothing is left to be written, and whether the connection stays."""

    def __init__(self, *, stays: bool) -> None:
        super().__init__()
        self._stays = stays

    @property
    def keep_alive(self) -> bool:
        return self._stays

    async def prepare(self, request: web.BaseRequest) -> None:
        """The head is on its way."""

    async def write_eof(self, data: bytes = b"") -> None:
        """So is the end."""


STAYS, ENDS = Written(stays=True), Written(stays=False)


class Answer:
    """`response` is what the server returns to aiohttp once the exchange is over."""

    __slots__ = (
        "_chunked",
        "_head",
        "_is_whole",
        "_most_unread",
        "_parts",
        "_plan",
        "_request",
        "_request_id",
        "_stays",
    )

    def __init__(self, request: web.BaseRequest, plan: Plan, request_id: str, *, closing: bool) -> None:
        self._request, self._plan, self._request_id = request, plan, request_id
        self._stays = request.keep_alive and not closing
        self._most_unread = plan.catalog.table.streaming.buffer_bytes
        self._chunked: bool | None = None  # None: no stream
        self._head = ""
        self._parts: list[bytes] = []
        self._is_whole = False

    @property
    def response(self) -> Written:
        return STAYS if self._stays else ENDS

    def begin(self, exchange: Exchange, *, events: bool) -> None:
        if events:
            self._begin_stream(exchange)
        else:
            self._head = self._lines(exchange, 200)

    def forward(self, data: bytes) -> bool:
        """Whether the client has more unread than the policy's buffer."""
        if self._chunked is None:
            self._parts.append(data)
            return False
        transport = self._write(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)
        return transport.get_write_buffer_size() > self._most_unread

    async def room(self) -> None:
        try:
            await self._request.writer.drain()
        except ConnectionError as error:
            raise ClientGoneError from error

    def finish(self) -> None:
        if self._chunked is None:
            self._write_whole(self._head, b"".join(self._parts))
        elif self._chunked:
            self._write(b"0\r\n\r\n")
        self._is_whole = True

    def close(self) -> None:
        """Whoever reads a stream that ends here, through a fault of ours, must see that it is not whole."""
        transport = self._request.transport
        if self._chunked is not None and not self._is_whole and transport is not None:
            transport.abort()

    def refuse(self, exchange: Exchange, refusal: Refusal) -> None:
        lines = self._lines(exchange, refusal.status)
        if refusal.retry_after is not None:
            lines += f"Retry-After: {_whole_seconds(refusal.retry_after)}\r\n"
        self._write_whole(lines, refusal.body())

    def _begin_stream(self, exchange: Exchange) -> None:
        """HTTP/1.0 knows no chunks: there the end of the connection is the end of the answer."""
        self._chunked = self._request.version >= HttpVersion11
        self._stays = self._stays and self._chunked
        lines = self._lines(exchange, 200) + _EVENTS + ("Transfer-Encoding: chunked\r\n" if self._chunked else "")
        self._write(f"{lines}\r\n".encode()).set_write_buffer_limits(high=self._most_unread)

    def _write_whole(self, lines: str, body: bytes) -> None:
        self._write(f"{lines}{_JSON}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    def _write(self, data: bytes) -> asyncio.Transport:
        transport = self._request.transport
        if transport is None or transport.is_closing():
            raise ClientGoneError
        transport.write(data)
        return transport

    def _lines(self, exchange: Exchange, status: int) -> str:
        """The head's first lines."""
        attempt, plan, catalog = exchange.attempts[-1], self._plan, self._plan.catalog
        candidate, limit, asked = attempt.candidate, attempt.output_limit, plan.ask.output_tokens
        lines = (
            f"HTTP/1.1 {status} {responses.get(status, '')}\r\nServer: tierway\r\nDate: {_date(int(time.time()))}\r\n"
            f"X-Request-Id: {self._request_id}\r\nX-Tierway-Attempts: {len(exchange.attempts)}\r\n"
        ) + _decided(catalog.table.policy, catalog.hash, candidate.tier, candidate.model, plan.klass, plan.reason)
        if limit is not None and asked is not None and asked > limit:
            lines += f"X-Tierway-Output-Limit: {limit} (asked {asked})\r\n"
        if not self._stays:
            return f"{lines}Connection: close\r\n"
        return lines if self._request.version >= HttpVersion11 else f"{lines}Connection: keep-alive\r\n"


@lru_cache(maxsize=4096)
def _decided(policy: str, table: str, tier: str, model: str, klass: str | None, reason: str) -> str:
    """What was decided, for a person with curl and for a test."""
    headers = {
        "X-Tierway-Policy": policy,
        "X-Tierway-Class": klass,
        "X-Tierway-Tier": tier,
        "X-Tierway-Model": model,
        "X-Tierway-Reason": reason.encode("ascii", "replace").decode()[:_LONGEST_REASON],
        "X-Tierway-Table": table[:12],
    }
    return "".join(f"{name}: {_CONTROL.sub(' ', value)}\r\n" for name, value in headers.items() if value is not None)


@lru_cache(maxsize=4)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)


def _whole_seconds(seconds: float) -> int:
    return max(1, round(seconds))


def refusal_response(refusal: Refusal, request_id: str, headers: dict[str, str] | None = None) -> web.Response:
    """The answer to a request that no exchange was begun for."""
    all_headers = {**SERVER, **(headers or {}), "X-Request-Id": request_id, "Content-Type": "application/json"}
    if refusal.retry_after is not None:
        all_headers["Retry-After"] = str(_whole_seconds(refusal.retry_after))
    return web.Response(status=refusal.status, body=refusal.body(), headers=all_headers)
