"""A request's life as a script: what the upstream, the clock and the client do, and what the exchange says to it.

`Life` is a shell without sockets. It stands in for what the real one guarantees (events only of an upstream that is
open, `tick` only when the deadline has passed) and holds the exchange to what a client can be sent: one beginning,
nothing after the end, no refusal of an answer that was begun.
"""

import json
from typing import Any

from multidict import CIMultiDict

from tests.core.tables import Given, catalog
from tests.core.wire import DONE, EVENTS, JSON, ROLE, STOP, text, usage
from tierway_proxy.contract.table import Fallback, Streaming
from tierway_proxy.core.body import Body
from tierway_proxy.core.commands import Begin, Close, Finish, Forward, Open, Refuse
from tierway_proxy.core.exchange import Exchange, Phase
from tierway_proxy.core.health import Health
from tierway_proxy.core.outcome import Failure
from tierway_proxy.core.plan import Plan, decide
from tierway_proxy.core.refusal import Refusal

CLOSE = ("Close",)
BEGIN = ("Begin", "events")
BEGIN_JSON = ("Begin", "json")
FINISH = ("Finish",)
MESSAGES = [{"role": "user", "content": "Say hello."}]
START = 1000.0


def open_(model: str) -> tuple[str, str]:
    return "Open", model


def forward(*data: bytes) -> tuple[str, bytes]:
    return "Forward", b"".join(data)


def refuse(status: int, code: str) -> tuple[str, int, str]:
    return "Refuse", status, code


def planned(*models: Given | str, fields: dict[str, Any], health: Health | None = None, **options: Any) -> Plan:
    """The plan of a request whose class a header names, so that no classifier has a say."""
    headers = CIMultiDict({"X-Tierway-Class": "Simple"})
    plan = decide(catalog(*models, **options), fields, headers, health or Health(), START)
    assert isinstance(plan, Plan), plan
    return plan


class Life:
    """`now` is in seconds; `commands` are those since they were last looked at."""

    def __init__(
        self,
        *models: Given | str,
        body: bytes | None = None,
        ask: dict[str, Any] | None = None,
        json_client: bool = False,
        health: Health | None = None,
        first_token_ms: int = 30_000,
        stall_ms: int = 20_000,
        upstream: str = "WhenPossible",
        delay_ms: int = 500,
        max_attempts: int | None = None,
        **options: Any,
    ) -> None:
        fields = {"model": "auto", "messages": MESSAGES, **({} if json_client else {"stream": True}), **(ask or {})}
        self.body = body or json.dumps(fields).encode()
        self.health = health or Health()
        streaming = Streaming(first_token_timeout_ms=first_token_ms, stall_ms=stall_ms, upstream=upstream)
        fallback = Fallback(delay_ms=delay_ms, max_attempts=max_attempts)
        parsed = Body(self.body)
        self.plan = planned(
            *models or ("a", "b"),
            fields=parsed.fields,
            health=self.health,
            streaming=streaming,
            fallback=fallback,
            **options,
        )
        self.exchange = Exchange(plan=self.plan, body=parsed, health=self.health, arrived=START)
        self.now = START
        self.opened: list[Open] = []
        self.tried: list[str] = []
        self.received = b""
        self.refusal: Refusal | None = None
        self.begun = self.ended = self.is_open = False
        self._commands: list[tuple[Any, ...]] = []

    # ---- what happens

    def start(self) -> "Life":
        self._do(self.exchange.start(self.now))
        return self

    def head(self, status: int = 200, kind: str = EVENTS, **headers: str) -> "Life":
        """Headers come with underscores for dashes."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._upstream(self.exchange.head, status, CIMultiDict({"Content-Type": kind, **named}))

    def says(self, *chunks: bytes) -> "Life":
        """Each is what one read of the socket gives."""
        for data in chunks:
            self._upstream(self.exchange.data, data)
        return self

    def end(self) -> "Life":
        return self._upstream(self.exchange.end)

    def lost(self, failure: Failure) -> "Life":
        return self._upstream(self.exchange.lost, failure)

    def wait(self, seconds: float) -> "Life":
        """Time passes; the deadline is kept as the shell keeps it."""
        until = self.now + seconds
        for _ in range(100):
            deadline = self.exchange.deadline
            if deadline is None or deadline > until:
                self.now = until
                return self
            self.now = max(self.now, deadline)
            self._do(self.exchange.tick(self.now))
        raise AssertionError("the clock rings for ever")

    def client_leaves(self) -> "Life":
        self._do(self.exchange.client_left(self.now))
        return self

    def answers(self, *words: str, used: tuple[int, int] | None = (12, 5)) -> "Life":
        """A whole streamed answer as most servers send it."""
        self.head().says(ROLE, *map(text, words or ("Hello",)), STOP)
        return self.says(*([usage(*used)] if used else []), DONE).end()

    def refuses(self, status: int, body: bytes = b"{}", **headers: str) -> "Life":
        """A whole answer that is an error."""
        return self.head(status, JSON, **headers).says(body).end()

    # ---- what the exchange said

    @property
    def commands(self) -> list[tuple[Any, ...]]:
        taken, self._commands = self._commands, []
        return taken

    @property
    def sent(self) -> dict[str, Any]:
        """The last body that an upstream was sent."""
        return json.loads(self.opened[-1].body)

    @property
    def answer(self) -> Any:
        """What a client that asked for JSON was answered."""
        assert self.exchange.phase is Phase.OVER
        return json.loads(self.received)

    @property
    def settled(self) -> Any:
        assert self.exchange.settlement is not None, "the request is not over"
        return self.exchange.settlement

    @property
    def reasons(self) -> list[str | None]:
        return [each.reason for each in self.settled.attempts]

    @property
    def over(self) -> bool:
        return self.exchange.phase is Phase.OVER

    # ---- what the shell guarantees and demands

    def _upstream(self, method: Any, *said: Any) -> "Life":
        assert self.is_open, "no upstream is open"
        self._do(method(*said, self.now))
        return self

    def _do(self, commands: Any) -> None:
        for command in commands:
            assert not self.ended, f"{command} after the end"
            self._commands.append(self._carry_out(command))

    def _carry_out(self, command: Any) -> tuple[Any, ...]:
        if isinstance(command, Open):
            return self._open(command)
        if isinstance(command, Close):
            self.is_open = False
            return CLOSE
        if isinstance(command, Begin):
            assert not self.begun, "an answer begins once"
            self.begun = True
            return BEGIN if command.events else BEGIN_JSON
        if isinstance(command, Forward):
            assert self.begun, "something was forwarded before the beginning"
            self.received += command.data
            return forward(command.data)
        self.ended = True
        if isinstance(command, Finish):
            assert self.begun, "the end of nothing"
            return FINISH
        assert isinstance(command, Refuse)
        assert not self.begun, "an answer that was begun cannot be refused"
        self.refusal = command.refusal
        return refuse(command.refusal.status, command.refusal.code)

    def _open(self, command: Open) -> tuple[Any, ...]:
        assert not self.is_open, "the last attempt was not closed"
        self.is_open = True
        self.opened.append(command)
        self.tried.append(command.candidate.model)
        return open_(command.candidate.model)
