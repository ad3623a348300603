"""The caller's side of a request on aiohttp: begins, passes on, ends or refuses, as an exchange says."""

from aiohttp import web

from tierway_proxy.core.exchange import Exchange
from tierway_proxy.core.plan import Plan
from tierway_proxy.core.refusal import Refusal
from tierway_proxy.shell.relay import ClientGoneError

_JSON = "application/json"
_EVENTS = "text/event-stream; charset=utf-8"
_LONGEST_REASON = 200


class Answer:
    """`response` is what the server returns to aiohttp once the exchange is over."""

    __slots__ = ("_closing", "_parts", "_plan", "_request", "_request_id", "_stream", "response")

    def __init__(self, request: web.BaseRequest, plan: Plan, request_id: str, *, closing: bool) -> None:
        self._request, self._plan, self._request_id, self._closing = request, plan, request_id, closing
        self._stream: web.StreamResponse | None = None
        self._parts: list[bytes] = []
        self.response: web.StreamResponse

    async def begin(self, exchange: Exchange, *, events: bool) -> None:
        headers = self._headers(exchange)
        if not events:
            self.response = web.Response(headers=headers | {"Content-Type": _JSON})
            return
        self.response = self._stream = web.StreamResponse(
            headers=headers | {"Content-Type": _EVENTS, "Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        )
        if self._closing:
            self._stream.force_close()
        self._bound_the_buffer()
        await self._stream.prepare(self._request)

    async def forward(self, data: bytes) -> None:
        """Waits while the client has more unread than the policy's buffer; raises ClientGoneError."""
        if self._stream is None:
            self._parts.append(data)
            return
        try:
            await self._stream.write(data)
        except ConnectionError as error:
            raise ClientGoneError from error

    async def finish(self) -> None:
        if self._stream is None and isinstance(self.response, web.Response):
            self.response.body = b"".join(self._parts)
            if self._closing:
                self.response.force_close()

    async def refuse(self, exchange: Exchange, refusal: Refusal) -> None:
        self.response = refusal_response(refusal, self._request_id, self._headers(exchange))

    def _bound_the_buffer(self) -> None:
        transport = self._request.transport
        if transport is not None:
            transport.set_write_buffer_limits(high=self._plan.catalog.table.streaming.buffer_bytes)

    def _headers(self, exchange: Exchange) -> dict[str, str]:
        """What was decided, for a person with curl and for a test."""
        attempt, plan = exchange.attempts[-1], self._plan
        candidate, limit = attempt.candidate, attempt.output_limit
        headers = {
            "X-Request-Id": self._request_id,
            "X-Tierway-Policy": plan.catalog.table.policy,
            "X-Tierway-Tier": candidate.tier,
            "X-Tierway-Model": candidate.model,
            "X-Tierway-Attempts": str(len(exchange.attempts)),
            "X-Tierway-Reason": plan.reason.encode("ascii", "replace").decode()[:_LONGEST_REASON].replace("\n", " "),
            "X-Tierway-Table": plan.catalog.hash[:12],
        }
        if plan.klass is not None:
            headers["X-Tierway-Class"] = plan.klass
        asked = plan.ask.output_tokens
        if limit is not None and asked is not None and asked > limit:
            headers["X-Tierway-Output-Limit"] = f"{limit} (asked {asked})"
        return headers


def refusal_response(refusal: Refusal, request_id: str, headers: dict[str, str] | None = None) -> web.Response:
    all_headers = {**(headers or {}), "X-Request-Id": request_id, "Content-Type": _JSON}
    if refusal.retry_after is not None:
        all_headers["Retry-After"] = str(max(1, round(refusal.retry_after)))
    return web.Response(status=refusal.status, body=refusal.body(), headers=all_headers)
