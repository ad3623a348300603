"""The callers' port: `/v1/…` for the default policy, `/{namespace}/{policy}/v1/…` for any; OpenAI-shaped throughout."""

import asyncio
import logging
import re
from functools import lru_cache
from http import HTTPStatus
from itertools import count
from time import monotonic
from typing import Any, NamedTuple
from urllib.parse import unquote

from aiohttp import web

from tierway_proxy.core.body import Body, NotARequestError
from tierway_proxy.core.caller import Caller
from tierway_proxy.core.catalog import Catalog
from tierway_proxy.core.exchange import Exchange
from tierway_proxy.core.explained import explained
from tierway_proxy.core.ledger import Settlement, refused
from tierway_proxy.core.plan import Plan, decide
from tierway_proxy.core.refusal import Refusal, bad_request, model_not_found, no_default_policy, unknown_policy
from tierway_proxy.core.target import AUTO
from tierway_proxy.shell.answer import ENDS, SERVER, Answer, refusal_response
from tierway_proxy.shell.callers import CallersServer
from tierway_proxy.shell.recording import Recorder
from tierway_proxy.shell.relay import ClientGoneError, Relay
from tierway_proxy.shell.serving import Serving
from tierway_proxy.shell.telemetry import AccessLog
from tierway_proxy.shell.upstream import Upstream

logger = logging.getLogger(__name__)

MOST_BODY_BYTES = 64 << 20
_PATH = re.compile(r"(?:/(?P<policy>[^/]+/[^/]+))?/v1/(?P<what>chat/completions|models(?:/[^/]+)?|route)/?")
_METHODS = {"chat": "POST", "models": "GET", "route": "POST"}
_CHALLENGE = {"WWW-Authenticate": "Bearer"}
_REQUEST_ID = re.compile(r"[\w.:/+=-]{1,128}")


class _Sender(NamedTuple):
    """Whose request, as answers and logs name it, and who that is; None: nobody is asked."""

    request_id: str
    caller: Caller | None


class _Asked(NamedTuple):
    """`explain`: the decision alone, with nobody called."""

    catalog: Catalog
    explain: bool


class Server:
    """Handles every request of the callers' port."""

    def __init__(
        self, serving: Serving, upstream: Upstream, access_log: AccessLog | None, recorder: Recorder | None
    ) -> None:
        self._serving, self._upstream, self._access_log, self._recorder = serving, upstream, access_log, recorder
        self._numbers = count(1)

    def web_server(self) -> web.Server:
        options = {"handler_cancellation": True, "access_log": None, "keepalive_timeout": 75}
        return CallersServer(self.handle, self.unreadable, request_factory=_request, **options)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        sender = _Sender(self._request_id(request), None)
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

    async def _answered(self, request: web.BaseRequest, sender: _Sender) -> web.StreamResponse:
        if (gate := self._serving.gate) is not None:
            admitted = await gate.admit(request.headers.getall("Authorization", ()))
            if isinstance(admitted, Refusal):
                return self._unrouted(
                    admitted, sender, _CHALLENGE if admitted.status == HTTPStatus.UNAUTHORIZED else None
                )
            sender = sender._replace(caller=admitted)
        asked = self._asked(request, sender)
        return asked if isinstance(asked, web.StreamResponse) else await self._complete(request, asked, sender)

    def unreadable(self, request: web.BaseRequest, wrong: str) -> web.Response:
        """To what is no HTTP."""
        refusal = bad_request(f"The request is not HTTP that can be read: {wrong[:200]}.", "invalid_http")
        return self._unrouted(refusal, _Sender(self._request_id(request), None))

    def _asked(self, request: web.BaseRequest, sender: _Sender) -> _Asked | web.StreamResponse:
        """What a request with a body wants, or the answer to one that can be answered without."""
        policy, what = _meant(request.raw_path)
        if what is None:
            return self._unrouted(_no_route(request), sender)
        catalog = self._catalog(policy)
        if isinstance(catalog, Refusal):
            return self._unrouted(catalog, sender)
        right = _METHODS[what.partition("/")[0]]
        if request.method != right:
            return self._unrouted(_wrong_method(request, right), sender, {"Allow": right})
        if what.startswith("models"):
            return _listed(catalog, what, sender.request_id)
        return _Asked(catalog, what == "route")

    async def _complete(self, request: web.BaseRequest, asked: _Asked, sender: _Sender) -> web.StreamResponse:
        arrived, (catalog, explain) = monotonic(), asked
        body = await _body(request)
        if isinstance(body, Refusal):
            duration = monotonic() - arrived
            return (
                refusal_response(body, sender.request_id) if explain else self._refused(catalog, body, duration, sender)
            )
        plan = decide(catalog, body.fields, request.headers, self._serving.health, monotonic(), sender.caller)
        if explain:
            return web.json_response(
                explained(plan, sender.caller), headers={**SERVER, "X-Request-Id": sender.request_id}
            )
        if isinstance(plan, Refusal):
            return self._refused(catalog, plan, monotonic() - arrived, sender)
        if self._recorder is not None:
            self._recorder.offer(plan, body.fields)
        return await self._exchange(request, Exchange(plan, body, self._serving.health, arrived), plan, sender)

    async def _exchange(
        self, request: web.BaseRequest, exchange: Exchange, plan: Plan, sender: _Sender
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
                self._settled(exchange.settlement, sender)
        return answer.response

    def _settled(self, settlement: Settlement, sender: _Sender) -> None:
        self._serving.record(settlement, sender.caller)
        if self._access_log is not None:
            self._access_log.write(settlement, *sender)

    def _refused(self, catalog: Catalog, refusal: Refusal, duration: float, sender: _Sender) -> web.Response:
        self._settled(refused(catalog.table.policy, catalog.hash, refusal, duration), sender)
        return refusal_response(refusal, sender.request_id)

    def _unrouted(self, refusal: Refusal, sender: _Sender, headers: dict[str, str] | None = None) -> web.Response:
        """No policy has it to its account: it is counted by its code, and logged as all are."""
        self._serving.unrouted[refusal.code] += 1
        if self._access_log is not None:
            self._access_log.write(refused("", "", refusal, 0), *sender)
        return refusal_response(refusal, sender.request_id, headers)

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


@lru_cache(maxsize=1024)
def _meant(path: str) -> tuple[str | None, str | None]:
    """The policy (None: the default one) and what is wanted of it (None: nothing that there is) by a path."""
    matched = _PATH.fullmatch(path.partition("?")[0])
    return (matched["policy"], matched["what"]) if matched else (None, None)


def _listed(catalog: Catalog, what: str, request_id: str) -> web.Response:
    """What `model` may be: all of it (`models`), or one (`models/NAME`)."""
    names, wanted = [AUTO, *catalog.names()], unquote(what.removeprefix("models").lstrip("/"))
    if wanted and wanted not in names:
        return refusal_response(model_not_found(wanted, catalog.table.policy), request_id)
    found = [{"id": name, "object": "model", "created": 0, "owned_by": "tierway"} for name in names]
    answer = next((each for each in found if each["id"] == wanted), {"object": "list", "data": found})
    return web.json_response(answer, headers={**SERVER, "X-Request-Id": request_id})


def _request(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
    return web.BaseRequest(
        message, payload, protocol, writer, task, asyncio.get_running_loop(), client_max_size=MOST_BODY_BYTES
    )


async def _body(request: web.BaseRequest) -> Body | Refusal:
    try:
        # most bodies came along with their head
        return _parsed(request.content.read_nowait() if request.content.is_eof() else await _read(request))
    except web.HTTPRequestEntityTooLarge:
        message = f"The request is larger than {MOST_BODY_BYTES >> 20} MiB."
        return Refusal(413, message, "invalid_request_error", "request_too_large")
    except web.RequestPayloadError:
        return bad_request("The request's body is not what its Content-Encoding or Transfer-Encoding says.")


async def _read(request: web.BaseRequest) -> bytes:
    if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return await request.read()


def _parsed(raw: bytes) -> Body | Refusal:
    try:
        return Body(raw)
    except NotARequestError as error:
        return bad_request(f"The request cannot be read: {error}.", "invalid_json")


def _no_route(request: web.BaseRequest) -> Refusal:
    message = (
        f"There is no {request.method} {request.path[:200]} here. Try POST /v1/chat/completions or GET /v1/models."
    )
    return Refusal(404, message, "invalid_request_error", "unknown_url")


def _wrong_method(request: web.BaseRequest, right: str) -> Refusal:
    message = f"{request.path[:200]} takes {right}, not {request.method}."
    return Refusal(405, message, "invalid_request_error", "method_not_allowed")
