"""Names of servers to addresses, without those where clouds keep their machines' credentials.

A name may resolve to anything, whatever a table's author wrote; so link-local addresses are refused here, just before
connecting, for names and for addresses alike.
"""

import asyncio
import ipaddress
import socket
from time import monotonic
from typing import Any

AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]
"""What `getaddrinfo` gives: family, type, protocol, canonical name, address."""

_KEPT_SECONDS = 10.0


class ForbiddenAddressError(OSError):
    """A name that resolves to link-local addresses only."""


class Addresses:
    """One lookup at a time for a name, whoever asks; its answer serves for ten seconds."""

    def __init__(self) -> None:
        self._lookups: dict[tuple[str, int], asyncio.Task[tuple[float, list[AddressInfo]]]] = {}

    async def of(self, host: str, port: int) -> list[AddressInfo]:
        """At least one. Raises OSError, or UnicodeError for what cannot be a name."""
        lookup = self._lookups.get((host, port))
        if lookup is None or _is_over(lookup):
            lookup = self._lookups[host, port] = asyncio.create_task(_look_up(host, port))
            lookup.add_done_callback(_heard)
        return (await asyncio.shield(lookup))[1]

    def forget(self, host: str, port: int) -> None:
        """Nobody answered there: look again next time."""
        self._lookups.pop((host, port), None)

    def forget_old(self) -> None:
        """Drop what would be looked up again anyway: nobody may ask for that name any more."""
        self._lookups = {name: lookup for name, lookup in self._lookups.items() if not _is_over(lookup)}

    async def close(self) -> None:
        lookups = [each for each in self._lookups.values() if not each.done()]
        for each in lookups:
            each.cancel()
        await asyncio.gather(*lookups, return_exceptions=True)


async def _look_up(host: str, port: int) -> tuple[float, list[AddressInfo]]:
    """When it was answered, in monotonic seconds, and the answer."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    allowed = [each for each in found if not _is_link_local(str(each[4][0]))]
    if not allowed:
        raise ForbiddenAddressError(f"{host} resolves to link-local addresses only")
    return monotonic(), list(allowed)


def _is_over(lookup: "asyncio.Task[tuple[float, list[AddressInfo]]]") -> bool:
    if not lookup.done():
        return False
    failed = lookup.cancelled() or lookup.exception() is not None
    return failed or monotonic() - lookup.result()[0] > _KEPT_SECONDS


def _heard(lookup: "asyncio.Task[Any]") -> None:
    """Whoever asked may have gone meanwhile; then nobody hears of its failure, and nobody need."""
    if not lookup.cancelled():
        lookup.exception()


def _is_link_local(host: str) -> bool:
    address = ipaddress.ip_address(host.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_link_local
