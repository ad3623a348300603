"""What is sent to which model provider.

The caller's own headers stay with us, but for those that trace a request; a provider gets its own key and nothing else.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from multidict import CIMultiDict, istr
from yarl import URL

from tierway_proxy.contract.table import Provider
from tierway_proxy.core import outcome
from tierway_proxy.core.commands import Open
from tierway_proxy.core.outcome import Failure, Next
from tierway_proxy.shell.bell import Bells
from tierway_proxy.shell.call import Call
from tierway_proxy.shell.http.connection import Origin
from tierway_proxy.shell.http.pool import Pool

_PASSED_ON = (istr("traceparent"), istr("tracestate"), istr("x-request-id"))
_EVERY_REQUEST = {
    "Content-Type": "application/json",
    "Accept": "*/*",
    "Accept-Encoding": "identity",
    "User-Agent": "tierway",
}
_NOT_IN_HEADERS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NO_KEY = Failure("KeyMissing", Next.ELSEWHERE, sent=False)
_BAD_KEY = Failure("KeyUnusable", Next.ELSEWHERE, sent=False)


class _Prepared(NamedTuple):
    """What all requests to a provider have in common. `head`: up to what differs from one to the next."""

    provider: Provider
    key: str
    origin: Origin
    head: bytes


class Upstream:
    """One pool of connections for all providers. `keys`: credential id -> key, looked up anew for each attempt."""

    def __init__(self) -> None:
        self._pool, self._bells = Pool(), Bells()
        self._prepared: dict[int, _Prepared] = {}

    async def close(self) -> None:
        await self._pool.close()
        self._bells.close()

    def open(
        self, command: Open, keys: Mapping[str, str], client_headers: Mapping[str, str], buffer_bytes: int
    ) -> Call:
        """Start an attempt; to be called in a running loop."""
        provider = command.candidate.provider
        key = keys.get(provider.credential) if provider.credential is not None else ""
        prepared = _NO_KEY if key is None else self._prepare(provider, key)
        if isinstance(prepared, Failure):
            return Call(self._pool, self._bells, prepared)
        traced = "".join(
            f"{name}: {value}\r\n" for name in _PASSED_ON if (value := client_headers.get(name)) is not None
        )
        last = f"{traced}Content-Length: {len(command.body)}\r\n\r\n".encode(errors="surrogateescape")
        return Call(self._pool, self._bells, None, prepared.origin, prepared.head + last, command.body, buffer_bytes)

    def forget(self) -> None:
        """Tables changed: what was prepared for the providers of old ones is dropped."""
        self._prepared.clear()
        self._pool.forget()

    def _prepare(self, provider: Provider, key: str) -> _Prepared | Failure:
        known = self._prepared.get(id(provider))
        if known is None or known.provider is not provider or known.key != key:
            made = _prepared(provider, key)
            if isinstance(made, Failure):
                return made
            known = self._prepared[id(provider)] = made
        return known


def _prepared(provider: Provider, key: str) -> _Prepared | Failure:
    try:
        url = URL(provider.base_url.rstrip("/") + "/chat/completions")
    except ValueError:  # a port above 65535, say
        return outcome.REFUSED
    if url.raw_host is None or url.port is None:
        return outcome.REFUSED
    headers = CIMultiDict(Host=url.host_port_subcomponent or "", **_EVERY_REQUEST)
    headers.update((each.name, each.value) for each in provider.headers)
    if key:
        headers[provider.auth_header] = provider.auth_prefix + key
    if any(_NOT_IN_HEADERS.search(value) for value in headers.values()):
        return _BAD_KEY
    lines = [f"POST {url.raw_path_qs} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), ""]
    origin = Origin(url.raw_host, url.port, url.scheme == "https", provider.ca_bundle)
    return _Prepared(provider, key, origin, "\r\n".join(lines).encode())
