"""One socket to a server: a request out, its answer in, as often as the server likes.

Reading is paused while more is unread than was agreed, writing while the socket is full. Whoever sent the request is
notified of news, and takes them.
"""

import asyncio
from collections.abc import Callable
from typing import Final, NamedTuple, cast

from tierway_proxy.shell.http.answer import Answers, BadAnswerError, End, Head

_PIECE_BYTES = 65_536
"""Larger bodies leave in pieces, between which other requests go on."""


class Origin(NamedTuple):
    """`host` is a name or an address without brackets. `ca_bundle`: PEM; None trusts the system's authorities."""

    host: str
    port: int
    tls: bool
    ca_bundle: str | None = None


class Lost:
    """The connection broke before the answer was complete."""


LOST: Final = Lost()
Taken = Head | bytes | End | Lost


def _nobody() -> None:
    """Is notified while no request is under way."""


class Connection(asyncio.Protocol):
    """`used`: a request was sent on it. `on_change` is told when it has come to be and when it is gone."""

    __slots__ = (
        "_answers",
        "_body",
        "_buffer_bytes",
        "_is_full",
        "_is_lost",
        "_is_paused",
        "_notify",
        "_on_change",
        "_transport",
        "idle_since",
        "origin",
        "used",
    )

    def __init__(self, origin: Origin, on_change: "Callable[[Connection], None]") -> None:
        self.origin, self.used, self.idle_since = origin, False, 0.0
        self._on_change, self._notify = on_change, _nobody
        self._answers = Answers()
        self._buffer_bytes = 0
        self._body: memoryview | None = None
        self._is_full = self._is_paused = False
        self._is_lost = True

    # ---- for whoever sends a request

    def send(self, head: bytes, body: bytes, buffer_bytes: int, notify: Callable[[], None]) -> None:
        """`head` with its blank line. `notify` is called when something can be taken."""
        self.used, self._notify, self._buffer_bytes = True, notify, buffer_bytes
        self._answers.expect()
        if not self.is_open:
            return
        if len(body) <= _PIECE_BYTES:
            self._transport.write(head + body)
            return
        self._transport.write(head)
        self._body = memoryview(body)
        self._send_on()

    def take(self) -> Taken | None:
        """What has come since the last time, in its order; None: nothing."""
        taken = self._answers.take()
        if self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()
        return LOST if taken is None and self._is_lost else taken

    def free(self) -> bool:
        """Nobody is waiting for it any more; whether it can take another request."""
        self._notify = _nobody
        return self.is_open and (not self.used or (self._answers.keeps_alive and self._body is None))

    @property
    def is_open(self) -> bool:
        return not self._is_lost and not self._transport.is_closing()

    @property
    def begun(self) -> bool:
        """A final head came."""
        return self._answers.begun

    @property
    def is_silent(self) -> bool:
        """Not a byte of an answer has come."""
        return self._answers.is_silent

    def abort(self) -> None:
        """Close at once, so that a server stops working for us."""
        self._notify = _nobody
        self._transport.abort()

    # ---- called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._is_lost = False
        self._on_change(self)

    def data_received(self, data: bytes) -> None:
        answers = self._answers
        if answers.complete or not self.used:
            self.abort()  # nobody asked: some servers say 408 before they close an idle connection
            return
        try:
            answers.feed(data)
        except BadAnswerError:
            self._transport.abort()
            self._is_lost = True
            answers.keeps_alive = False
        if answers.unread > self._buffer_bytes and not self._is_lost:
            self._is_paused = True
            self._transport.pause_reading()
        self._notify()

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is None:
            self._answers.eof()
        self._is_lost, self._body = True, None
        self._on_change(self)
        self._notify()

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        self._send_on()

    def _send_on(self) -> None:
        while self._body is not None and not self._is_full and not self._transport.is_closing():
            self._transport.write(self._body[:_PIECE_BYTES])
            self._body = self._body[_PIECE_BYTES:] or None
