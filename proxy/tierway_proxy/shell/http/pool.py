"""The connections to all providers: made when none lies idle, kept when a server keeps them, closed before it does."""

import asyncio
import socket
import ssl
from contextlib import ExitStack
from functools import lru_cache
from time import monotonic

from aiohappyeyeballs import start_connection

from tierway_proxy.shell.addresses import Addresses, AddressInfo
from tierway_proxy.shell.http.connection import Connection, Origin

CONNECT_SECONDS = 5.0
_EYEBALLS_SECONDS = 0.25  # RFC 8305, section 5
_IDLE_SECONDS = 50.0  # with the time between two looks below the 60 s and more of common servers: we close first
_LOOK_SECONDS = 5.0
_MOST_IDLE = 256  # of an origin


class Pool:
    """Nothing waits for a free connection: as many are open as requests are under way."""

    def __init__(self) -> None:
        self._addresses = Addresses()
        self._open: set[Connection] = set()
        self._idle: dict[Origin, list[Connection]] = {}
        self._looking: asyncio.TimerHandle | None = None
        self._is_closed = False

    def idle(self, origin: Origin) -> Connection | None:
        """The one that was used last, if any; it is the caller's until it is given back."""
        waiting = self._idle.get(origin)
        while waiting:
            connection = waiting.pop()
            if connection.is_open:
                return connection
        return None

    async def connect(self, origin: Origin) -> Connection:
        """Make a new one. Raises OSError, also for TLS, a name without an address and time out; or UnicodeError."""
        if self._is_closed:
            raise ConnectionAbortedError("this proxy is at its end")
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await self._connected(origin)
        except OSError:
            self._addresses.forget(origin.host, origin.port)
            raise

    def give_back(self, connection: Connection) -> None:
        """Keep what can serve again, close what cannot."""
        waiting = self._idle.setdefault(connection.origin, [])
        if not connection.free() or len(waiting) >= _MOST_IDLE:
            connection.abort()
            return
        connection.idle_since = monotonic()
        waiting.append(connection)
        if self._looking is None:
            self._looking = asyncio.get_running_loop().call_later(_LOOK_SECONDS, self._look)

    def forget(self) -> None:
        """Tables changed: hosts may be named no more."""
        self._addresses.forget_old()

    async def close(self) -> None:
        """Close all that is open, and wait until it is."""
        self._is_closed = True
        if self._looking is not None:
            self._looking.cancel()
        await self._addresses.close()
        for each in list(self._open):
            each.abort()
        while self._open:  # noqa: ASYNC110 (it takes a turn of the loop)
            await asyncio.sleep(0)

    async def _connected(self, origin: Origin) -> Connection:
        context = _trusting(origin.ca_bundle) if origin.tls else None
        addresses = await self._addresses.of(origin.host, origin.port)
        with ExitStack() as undone:
            sock = await _first_to_answer(addresses)
            undone.callback(sock.close)
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: Connection(origin, self._changed),
                sock=sock,
                ssl=context,
                server_hostname=origin.host if origin.tls else None,
            )
            undone.pop_all()
        return connection

    def _changed(self, connection: Connection) -> None:
        if connection.is_open:
            self._open.add(connection)
        else:
            self._open.discard(connection)

    def _look(self) -> None:
        """Close what has been idle for long; the list of an origin is in the order in which they became so."""
        self._looking, long_ago = None, monotonic() - _IDLE_SECONDS
        for origin, waiting in list(self._idle.items()):
            young = [each for each in waiting if each.is_open and each.idle_since > long_ago]
            for each in set(waiting) - set(young):
                each.abort()
            if young:
                self._idle[origin] = young
            else:
                del self._idle[origin]
        if self._idle:
            self._looking = asyncio.get_running_loop().call_later(_LOOK_SECONDS, self._look)


async def _first_to_answer(addresses: list[AddressInfo]) -> socket.socket:
    try:
        return await start_connection(addresses, happy_eyeballs_delay=_EYEBALLS_SECONDS)
    except RuntimeError as error:  # what uvloop raises at times for an OSError
        raise OSError(str(error)) from error


@lru_cache(maxsize=256)
def _trusting(ca_bundle: str | None) -> ssl.SSLContext:
    """Raises ssl.SSLError for what are no certificates."""
    context = ssl.create_default_context(cadata=ca_bundle)
    context.set_alpn_protocols(["http/1.1"])
    return context
