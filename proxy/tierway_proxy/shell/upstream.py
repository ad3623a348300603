"""Talks to model providers. The only module that knows the HTTP client.

Foreign exceptions end here: each becomes a failure named by what one may do about it. The caller's own headers stay
with us, but for those that trace a request; a provider gets its own key and nothing else.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Mapping
from contextvars import ContextVar
from functools import lru_cache
from io import BytesIO
from typing import Final

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientRequest,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    DummyCookieJar,
    InvalidURL,
    ServerDisconnectedError,
    TCPConnector,
)
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.resolver import DefaultResolver
from aiohttp.tracing import Trace
from yarl import URL

from tierway_proxy.contract.table import Provider
from tierway_proxy.core import outcome
from tierway_proxy.core.commands import Open
from tierway_proxy.core.outcome import Failure, Next

_CONNECT_SECONDS = 5.0
_LARGE_BYTES = 1 << 20
_KEEP_ALIVE_SECONDS = 55.0  # below the 60 s and more of common servers, so that we close first
_PASSED_ON = ("traceparent", "tracestate", "x-request-id")
# all that the client would add by itself, so that it need not look
_EVERY_REQUEST = {
    "Content-Type": "application/json",
    "Accept": "*/*",
    "Accept-Encoding": "identity",
    "User-Agent": "tierway",
}
_NO_KEY = Failure("KeyMissing", Next.ELSEWHERE, sent=False)
_FORBIDDEN = Failure("ForbiddenAddress", Next.ELSEWHERE, sent=False)
_WIRE = (ClientError, OSError, asyncio.IncompleteReadError)
_connected_anew: ContextVar[bool] = ContextVar("connected_anew", default=False)


class End:
    """The upstream's answer is complete as HTTP sees it."""


END: Final = End()
Event = ClientResponse | bytes | End | Failure


class ForbiddenAddressError(OSError):
    """A name that resolves to link-local addresses only: where clouds keep their machines' credentials."""


class _Resolver(AbstractResolver):
    def __init__(self) -> None:
        self._inner = DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        allowed = [each for each in found if not _link_local(each["host"])]
        if not allowed:
            raise ForbiddenAddressError(f"{host} resolves to link-local addresses only")
        return allowed

    async def close(self) -> None:
        await self._inner.close()


class _Connector(TCPConnector):
    """Tells a connection made for this very request from one that lay idle, which may have been closed meanwhile."""

    async def _create_connection(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: ClientTimeout,  # noqa: ASYNC109 (aiohttp's)
    ) -> ResponseHandler:
        _connected_anew.set(True)
        return await super()._create_connection(req, traces, timeout)


def _link_local(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_link_local


@lru_cache(maxsize=256)
def _trusting(ca_bundle: str) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=ca_bundle)


class Upstream:
    """One connection pool for all providers. `keys`: credential id -> key, looked up anew for each attempt."""

    def __init__(self) -> None:
        self._urls: dict[str, URL | None] = {}
        self._headers: dict[int, tuple[Provider, str, dict[str, str]]] = {}
        self._session = ClientSession(
            connector=_Connector(limit=0, keepalive_timeout=_KEEP_ALIVE_SECONDS, resolver=_Resolver()),
            timeout=ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
            cookie_jar=DummyCookieJar(),
        )

    async def close(self) -> None:
        await self._session.close()

    def open(
        self, command: Open, keys: Mapping[str, str], client_headers: Mapping[str, str], buffer_bytes: int
    ) -> "Call":
        provider = command.candidate.provider
        key = keys.get(provider.credential) if provider.credential is not None else ""
        if key is None:
            return Call(self._session, _NO_KEY)
        url = self._url(provider.base_url)
        if url is None:
            return Call(self._session, _FORBIDDEN)
        headers = self._headers_for(provider, key)
        traced = {name: value for name in _PASSED_ON if (value := client_headers.get(name)) is not None}
        return Call(
            self._session,
            None,
            url,
            {**headers, **traced} if traced else headers,
            command.body,
            provider.ca_bundle,
            buffer_bytes,
        )

    def forget(self) -> None:
        """Tables changed: what was prepared for the providers of old ones is dropped."""
        self._urls.clear()
        self._headers.clear()

    def _url(self, base: str) -> URL | None:
        if base not in self._urls:
            url = URL(base.rstrip("/") + "/chat/completions")
            self._urls[base] = None if _link_local(url.host or "") else url
        return self._urls[base]

    def _headers_for(self, provider: Provider, key: str) -> dict[str, str]:
        known = self._headers.get(id(provider))
        if known is None or known[0] is not provider or known[1] != key:
            headers = dict(_EVERY_REQUEST)
            headers.update((each.name, each.value) for each in provider.headers)
            if key:
                headers[provider.auth_header] = provider.auth_prefix + key
            known = self._headers[id(provider)] = (provider, key, headers)
        return known[2]


class Call:
    """One attempt on the wire. `next()` gives its head, then its bytes, then END, or the failure that ended it."""

    __slots__ = ("_body", "_buffer", "_ca_bundle", "_failure", "_headers", "_response", "_session", "_url")

    def __init__(
        self,
        session: ClientSession,
        failure: Failure | None,
        url: URL | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        ca_bundle: str | None = None,
        buffer_bytes: int = 65_536,
    ) -> None:
        self._session, self._failure, self._url = session, failure, url
        self._headers, self._body, self._ca_bundle, self._buffer = headers, body, ca_bundle, buffer_bytes
        self._response: ClientResponse | None = None

    async def next(self) -> Event:
        """Cancelling this loses nothing: the next call goes on where it was, unless nothing had been answered yet."""
        response = self._response
        if response is not None:
            try:
                return await response.content.readany() or END
            except _WIRE:
                return outcome.LOST
        if self._failure is not None:
            return self._failure
        return await self._send()

    async def _send(self) -> Event:
        try:
            _connected_anew.set(False)
            try:
                self._response = await self._post()
            except ServerDisconnectedError:
                if _connected_anew.get():
                    raise
                # An idle connection that its server closed just then: what everybody's client tries once more.
                self._response = await self._post()
        except _WIRE as error:
            return _named(error)
        return self._response

    async def _post(self) -> ClientResponse:
        if self._url is None:
            raise InvalidURL("none")
        return await self._session.post(
            self._url,
            # a large body leaves in pieces, between which other requests go on
            data=self._body if len(self._body) < _LARGE_BYTES else BytesIO(self._body),
            headers=self._headers,
            allow_redirects=False,
            read_bufsize=self._buffer,
            ssl=_trusting(self._ca_bundle) if self._ca_bundle is not None else True,
        )

    def close(self) -> None:
        """Gives up what is still to come; a connection that was read to its end is kept for the next attempt."""
        if self._response is not None and not self._response.closed:
            self._response.close()


def _named(error: Exception) -> Failure:
    """The failure that an exception of the HTTP client is while nothing was answered yet."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ForbiddenAddressError):
            return _FORBIDDEN
        cause = cause.__cause__
    if isinstance(error, (ClientConnectorError, ConnectionTimeoutError, InvalidURL, ssl.SSLError)):
        return outcome.REFUSED
    return outcome.UNANSWERED
