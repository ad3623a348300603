"""One attempt on the wire as the relay sees it: events in order, and failures named by what one may do about them.

Foreign exceptions end here. Nothing was sent, sent and not answered, answered and then lost: three failures.
"""

import asyncio
from collections.abc import Callable
from time import monotonic

from tierway_proxy.core import outcome
from tierway_proxy.core.outcome import Failure, Next
from tierway_proxy.shell.addresses import ForbiddenAddressError
from tierway_proxy.shell.bell import Bells
from tierway_proxy.shell.http.answer import End, Head
from tierway_proxy.shell.http.connection import Connection, Lost, Origin
from tierway_proxy.shell.http.pool import Pool

_FORBIDDEN = Failure("ForbiddenAddress", Next.ELSEWHERE, sent=False)

Event = Head | bytes | End | Failure
Straight = Callable[[Event], bool]
"""Is given an event as it happens; whether the next one may come the same way."""


class Call:
    """`next()` gives the head of the answer, then its bytes, then END, or the failure that ended it."""

    __slots__ = (
        "_bell",
        "_bells",
        "_body",
        "_buffer_bytes",
        "_connecting",
        "_connection",
        "_failure",
        "_head",
        "_is_closed",
        "_is_waiting",
        "_origin",
        "_pool",
        "_straight",
        "_was_idle",
    )

    def __init__(
        self,
        pool: Pool,
        bells: Bells,
        failure: Failure | None,
        origin: Origin | None = None,
        head: bytes = b"",
        body: bytes = b"",
        buffer_bytes: int = 65_536,
    ) -> None:
        self._pool, self._bells, self._failure, self._origin = pool, bells, failure, origin
        self._head, self._body, self._buffer_bytes = head, body, buffer_bytes
        self._bell = bells.take()
        self._connection: Connection | None = None
        self._connecting: asyncio.Task[Connection] | None = None
        self._straight: Straight | None = None
        self._was_idle = self._is_closed = self._is_waiting = False
        if origin is not None:
            self._start(origin)

    async def next(self, until: float | None, straight: Straight | None = None) -> Event | None:
        """What happens next; None when `until`, in monotonic seconds, came first. Cancelling it loses nothing.

        With `straight`, what happens while this waits is given to that, straight from the socket's own callback, for
        as long as it returns True; then this returns None.
        """
        while (event := self._look()) is None:
            if until is not None and monotonic() >= until:
                return None
            await self._wait(until, straight)
            if straight is not None:
                return None
        return event

    def close(self) -> None:
        """Gives up what is still to come; a connection that was read to its end is kept for the next attempt."""
        if self._is_closed:
            return
        self._is_closed = True
        connection, self._connection = self._connection, None
        connecting, self._connecting = self._connecting, None
        if connecting is not None and not connecting.cancel() and not connecting.exception():
            connection = connecting.result()  # just made, and of no use for this attempt any more
        if connection is not None:
            self._pool.give_back(connection)
        if not self._is_waiting:
            self._bells.give_back(self._bell)

    async def _wait(self, until: float | None, straight: Straight | None) -> None:
        self._straight, self._is_waiting = straight, True
        try:
            await self._bell.wait(until)
        finally:
            self._straight, self._is_waiting = None, False
            if self._is_closed:
                self._bells.give_back(self._bell)

    def _heard(self) -> None:
        """There are news. Handled here they cost no turn of the event loop, which for a chunk is half of its cost."""
        try:
            if not self._has_gone_straight():
                self._straight = None
                self._bell.ring()
        except Exception as fault:  # noqa: BLE001 (the outermost frame here: whoever waits is told)
            self._straight = None
            self._bell.ring(fault)

    def _has_gone_straight(self) -> bool:
        if self._straight is None or not self._bell.is_awaited:
            return False
        while (event := self._look()) is not None:
            if not self._straight(event) or isinstance(event, (End, Failure)):
                return False
        return True

    def _start(self, origin: Origin) -> None:
        idle = self._pool.idle(origin)
        if idle is None:
            self._connect(origin)
        else:
            self._was_idle = True
            self._send(idle)

    def _look(self) -> Event | None:
        if self._connecting is not None and self._connecting.done():
            self._adopt(self._connecting)
        connection = self._connection
        if connection is None:
            return self._failure
        taken = connection.take()
        return self._lost(connection) if isinstance(taken, Lost) else taken

    def _send(self, connection: Connection) -> None:
        self._connection = connection
        connection.send(self._head, self._body, self._buffer_bytes, self._heard)

    def _connect(self, origin: Origin) -> None:
        self._connecting = asyncio.create_task(self._pool.connect(origin))
        self._connecting.add_done_callback(lambda _: self._heard())

    def _adopt(self, connecting: "asyncio.Task[Connection]") -> None:
        """Send the request on the connection that was made; it is a failure when there is none to be had."""
        self._connecting = None
        try:
            self._send(connecting.result())
        except (OSError, UnicodeError) as error:
            self._failure = _FORBIDDEN if isinstance(error, ForbiddenAddressError) else outcome.REFUSED

    def _lost(self, connection: Connection) -> Failure | None:
        """An idle connection that its server closed just then is no failure: everybody's client tries once more."""
        if self._was_idle and connection.is_silent and self._origin is not None:
            self._was_idle, self._connection = False, None
            self._connect(self._origin)
            return None
        return outcome.LOST if connection.begun else outcome.UNANSWERED
