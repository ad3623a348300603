"""Carries out what an exchange says, on a real client connection and a real upstream call. Decides nothing."""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Protocol

from tierway_proxy.core.commands import Begin, Close, Commands, Finish, Forward, Open
from tierway_proxy.core.exchange import Exchange, Phase
from tierway_proxy.core.outcome import Failure
from tierway_proxy.core.refusal import Refusal
from tierway_proxy.shell.http_answer import End
from tierway_proxy.shell.upstream import Call, Event


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

    __slots__ = ("_call", "_call_out", "_client", "_exchange")

    def __init__(self, exchange: Exchange, client: Client, call_out: Callable[[Open], Call]) -> None:
        self._exchange, self._client, self._call_out = exchange, client, call_out
        self._call: Call | None = None

    async def run(self) -> None:
        """To the end of the exchange. The client's leaving, which is raised, ends it and its upstream at once."""
        exchange, now = self._exchange, monotonic
        try:
            commands = exchange.start(now())
            while True:
                if commands:
                    await self._do(commands)
                if exchange.phase is Phase.OVER:
                    return
                call, deadline = self._call, exchange.deadline
                commands = self._told(await (self._pause(deadline) if call is None else call.next(deadline)))
        finally:
            exchange.client_left(now())  # unless it is over: whatever ended it, its books are closed
            if self._call is not None:
                self._call.close()

    async def _pause(self, until: float | None) -> None:
        """The time between two attempts."""
        if until is not None:
            await asyncio.sleep(until - monotonic())

    def _told(self, event: Event | None) -> Commands:
        exchange, now = self._exchange, monotonic()
        if isinstance(event, bytes):
            return exchange.data(event, now)
        if event is None:
            return exchange.tick(now)
        if isinstance(event, End):
            return exchange.end(now)
        if isinstance(event, Failure):
            return exchange.lost(event, now)
        return exchange.head(event.status, event.headers, now)

    async def _do(self, commands: Commands) -> None:
        client = self._client
        for command in commands:
            if isinstance(command, Forward):
                if client.forward(command.data):
                    await client.room()
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
