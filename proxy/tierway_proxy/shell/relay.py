"""Carries out what an exchange says, on a real client connection and a real upstream call. Decides nothing."""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Protocol

from tierway_proxy.core.commands import Begin, Close, Commands, Finish, Forward, Open
from tierway_proxy.core.exchange import Exchange, Phase
from tierway_proxy.core.outcome import Failure
from tierway_proxy.core.refusal import Refusal
from tierway_proxy.shell.call import Call, Event
from tierway_proxy.shell.http.answer import End


class ClientGoneError(Exception):
    """The caller's connection is no more."""


class Client(Protocol):
    """The caller's side of a request. All of it may raise ClientGoneError."""

    def begin(self, exchange: Exchange, *, events: bool) -> None: ...

    def forward(self, data: bytes) -> bool:
        """Whether the caller has more unread than was agreed: then `room` is to be waited for."""

    async def room(self) -> None: ...
    def finish(self) -> None: ...
    def refuse(self, exchange: Exchange, refusal: Refusal) -> None: ...


class Relay:
    """One exchange on the wire. `call_out` opens an upstream call for a command."""

    __slots__ = ("_call", "_call_out", "_client", "_exchange", "_is_full", "_until")

    def __init__(self, exchange: Exchange, client: Client, call_out: Callable[[Open], Call]) -> None:
        self._exchange, self._client, self._call_out = exchange, client, call_out
        self._call: Call | None = None
        self._until: float | None = None
        self._is_full = False

    async def run(self) -> None:
        """To the end of the exchange. The client's leaving, which is raised, ends it and its upstream at once."""
        exchange = self._exchange
        try:
            self._do(exchange.start(monotonic()))
            while exchange.phase is not Phase.OVER:
                if self._is_full:
                    self._is_full = False
                    await self._client.room()
                else:
                    await self._go_on()
        finally:
            exchange.client_left(monotonic())  # unless it is over: whatever ended it, its books are closed
            if self._call is not None:
                self._call.close()

    async def _go_on(self) -> None:
        """Until something happens, or the deadline has passed; most happens on the way, in `_take`."""
        exchange, call = self._exchange, self._call
        self._until = until = exchange.deadline
        if call is None:
            await asyncio.sleep(until - monotonic() if until is not None else 0)  # a pause between two attempts
        elif (event := await call.next(until, self._take)) is not None:
            self._take(event)
            return
        if exchange.deadline is not None and exchange.deadline <= monotonic() and not self._is_full:
            self._do(exchange.tick(monotonic()))

    def _take(self, event: Event) -> bool:
        """Whether nothing but the next event of this call is waited for, for as long as before."""
        call, exchange = self._call, self._exchange
        self._do(self._told(event))
        if self._call is not call or self._is_full:
            return False
        return exchange.deadline is not None and self._until is not None and exchange.deadline >= self._until

    def _told(self, event: Event) -> Commands:
        exchange, now = self._exchange, monotonic()
        if isinstance(event, bytes):
            return exchange.data(event, now)
        if isinstance(event, End):
            return exchange.end(now)
        if isinstance(event, Failure):
            return exchange.lost(event, now)
        return exchange.head(event.status, event.headers, now)

    def _do(self, commands: Commands) -> None:
        client = self._client
        for command in commands:
            if isinstance(command, Forward):
                self._is_full = client.forward(command.data) or self._is_full
            elif isinstance(command, Open):
                self._call = self._call_out(command)
            elif isinstance(command, Close):
                if self._call is not None:
                    self._call.close()
                    self._call = None
            elif isinstance(command, Begin):
                client.begin(self._exchange, events=command.events)
            elif isinstance(command, Finish):
                client.finish()
            else:
                client.refuse(self._exchange, command.refusal)
