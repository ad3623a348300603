"""The callers' port: `/v1/…` for the default policy, `/{namespace}/{policy}/v1/…` for any; OpenAI-shaped throughout."""

import asyncio
import logging
import re
from http import HTTPStatus
from itertools import count
from time import monotonic
from typing import Any, NamedTuple

from aiohttp import web

from tierway_proxy.core.catalog import Catalog
from tierway_proxy.core.exchange import Exchange
from tierway_proxy.core.explained import explained
from tierway_proxy.core.plan import Plan, decide
from tierway_proxy.core.refusal import Refusal, bad_request, no_default_policy, unknown_policy
from tierway_proxy.shell import bodies, paths
from tierway_proxy.shell.answer import ENDS, SERVER, Answer, refusal_response
from tierway_proxy.shell.books import Books, Sender
from tierway_proxy.shell.callers import CallersServer
from tierway_proxy.shell.recording import Recorder
from tierway_proxy.shell.relay import ClientGoneError, Relay
from tierway_proxy.shell.serving import Serving
from tierway_proxy.shell.telemetry import AccessLog
from tierway_proxy.shell.upstream import Upstream

logger = logging.getLogger(__name__)

_CHALLENGE = {"WWW-Authenticate": "Bearer"}
_REQUEST_ID = re.compile(r"[\w.:/+=-]{1,128}")


class _Asked(NamedTuple):
    """`explain`: the decision alone, with nobody called."""

    catalog: Catalog
    explain: bool


class Server:
    """Handles every request of the callers' port."""

    def __init__(
        self, serving: Serving, upstream: Upstream, access_log: AccessLog | None, recorder: Recorder | None
    ) -> None:
        self._serving, self._upstream, self._recorder = serving, upstream, recorder
        self._books = Books(serving, access_log)
        self._numbers = count(1)

    def web_server(self) -> web.Server:
        options = {"handler_cancellation": True, "access_log": None, "keepalive_timeout": 75}
        return CallersServer(self.handle, self.unreadable, request_factory=_request, **options)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        sender = Sender(self._request_id(request), monotonic())
        self._serving.in_flight += 1
        try:
            return await self._answered(request, sender)
        except (ConnectionError, ClientGoneError):
            return ENDS
        except Exception:
            # the outermost frame: whatever this was, the caller gets an answer and we a trace
            self._serving.faults += 1
            logger.exception("a request ended in a fault of ours", extra={"request_id": sender.request_id})
            fault = Refusal(
                500,
                f"Tierway failed on this request; its log has {sender.request_id}.",
                "server_error",
                "internal_error",
            )
            return refusal_response(fault, sender.request_id)
        finally:
            self._serving.in_flight -= 1

    async def _answered(self, request: web.BaseRequest, sender: Sender) -> web.StreamResponse:
        if (gate := self._serving.gate) is not None:
            try:
                admitted = await gate.admit(request.headers.getall("Authorization", ()))
            except asyncio.CancelledError:
                self._books.left(sender)
                raise
            if isinstance(admitted, Refusal):
                return self._books.unrouted(
                    admitted, sender, _CHALLENGE if admitted.status == HTTPStatus.UNAUTHORIZED else None
                )
            sender = sender._replace(caller=admitted)
        asked = self._asked(request, sender)
        return asked if isinstance(asked, web.StreamResponse) else await self._complete(request, asked, sender)

    def unreadable(self, request: web.BaseRequest, wrong: str) -> web.Response:
        """To what is no HTTP."""
        refusal = bad_request(f"The request is not HTTP that can be read: {wrong[:200]}.", "invalid_http")
        return self._books.unrouted(refusal, Sender(self._request_id(request), monotonic()))

    def _asked(self, request: web.BaseRequest, sender: Sender) -> _Asked | web.StreamResponse:
        """What a request with a body wants, or the answer to one that can be answered without."""
        meant = paths.meant(request.raw_path)
        if meant is None:
            return self._books.unrouted(paths.no_route(request), sender)
        catalog = self._catalog(meant.policy)
        if isinstance(catalog, Refusal):
            return self._books.unrouted(catalog, sender)
        if request.method != meant.method:
            return self._books.unrouted(paths.wrong_method(request, meant.method), sender, {"Allow": meant.method})
        if meant.what.startswith("models"):
            return paths.listed(catalog, meant.what, sender.request_id)
        return _Asked(catalog, meant.what == "route")

    async def _complete(self, request: web.BaseRequest, asked: _Asked, sender: Sender) -> web.StreamResponse:
        catalog, explain = asked
        try:
            body = await bodies.read(request)
        except asyncio.CancelledError:
            if not explain:
                self._books.left(sender, catalog)
            raise
        if isinstance(body, Refusal):
            return refusal_response(body, sender.request_id) if explain else self._books.refused(catalog, body, sender)
        plan = decide(catalog, body.fields, request.headers, self._serving.health, monotonic(), sender.caller)
        if explain:
            return web.json_response(
                explained(plan, sender.caller), headers={**SERVER, "X-Request-Id": sender.request_id}
            )
        if isinstance(plan, Refusal):
            return self._books.refused(catalog, plan, sender)
        if self._recorder is not None:
            self._recorder.offer(plan, body.fields)
        return await self._exchange(request, Exchange(plan, body, self._serving.health, sender.arrived), plan, sender)

    async def _exchange(
        self, request: web.BaseRequest, exchange: Exchange, plan: Plan, sender: Sender
    ) -> web.StreamResponse:
        answer = Answer(request, plan, sender.request_id, closing=self._serving.draining)
        tables, buffer_bytes = self._serving.tables, plan.catalog.table.streaming.buffer_bytes
        relay = Relay(
            exchange, answer, lambda command: self._upstream.open(command, tables.keys, request.headers, buffer_bytes)
        )
        try:
            await relay.run()
        finally:
            answer.close()
            if exchange.settlement is not None:
                self._books.settled(exchange.settlement, sender)
        return answer.response

    def _catalog(self, policy: str | None) -> Catalog | Refusal:
        name = policy or self._serving.default_policy
        catalog = None if name is None else self._serving.catalog(name)
        if catalog is not None:
            return catalog
        return no_default_policy(name) if policy is None else unknown_policy(policy)

    def _request_id(self, request: web.BaseRequest) -> str:
        given = request.headers.get("X-Request-Id")
        if given is not None and _REQUEST_ID.fullmatch(given):
            return given
        return f"{self._serving.instance}-{next(self._numbers):x}"


def _request(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
    return web.BaseRequest(
        message, payload, protocol, writer, task, asyncio.get_running_loop(), client_max_size=bodies.MOST_BODY_BYTES
    )
