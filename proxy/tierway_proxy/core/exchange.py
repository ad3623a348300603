"""One request, from its first attempt to its last byte. Every transition of a request's life is in this file.

The shell feeds what happened (`head`, `data`, `end`, `lost`, `tick`, `client_left`) and carries out the commands that
it gets back. It never decides anything. An attempt commits at its first content token: before that a fallback is
invisible, after it there is none. `deadline` is when `tick` wants to be called, in the shell's monotonic seconds.
"""

from enum import Enum
from typing import Any

from tierway_proxy.core import outcome, sse
from tierway_proxy.core.attempt import Attempt, wanted
from tierway_proxy.core.body import Body
from tierway_proxy.core.catalog import Candidate
from tierway_proxy.core.chain import Chain
from tierway_proxy.core.commands import CLOSE, FINISH, Begin, Command, Commands, Forward, Open, Refuse
from tierway_proxy.core.health import Health
from tierway_proxy.core.ledger import Settlement
from tierway_proxy.core.meter import usage_of
from tierway_proxy.core.outcome import Failure, Next
from tierway_proxy.core.plan import Plan
from tierway_proxy.core.reading import Reading, Seen
from tierway_proxy.core.refusal import Refusal, answer_cut, first_token_timeout
from tierway_proxy.core.settle import settle

_ERROR_BODY_BYTES = 65_536
_HELD_BYTES = 1 << 20
_AFTER_DONE_SECONDS = 1.0
_NOT_HEALTH = frozenset({Next.NOWHERE, Next.WITHOUT, Next.LARGER, Next.CAPABLE})
_TIMEOUT = Failure("FirstTokenTimeout", Next.NOWHERE, billed=True)
_LEFT = Failure("ClientLeft", Next.NOWHERE, billed=True)


class Phase(Enum):
    WAITING = "an attempt has not committed yet"
    PAUSED = "the policy's delay before the next attempt"
    COMMITTED = "the answer is on its way to the client"
    OVER = "settled"


class Exchange:
    __slots__ = (
        "_arrived",
        "_attempt",
        "_body",
        "_chain",
        "_chain_deadline",
        "_health",
        "_next",
        "_plan",
        "_reading",
        "_streaming",
        "_without",
        "attempts",
        "deadline",
        "first_token",
        "phase",
        "settlement",
    )

    def __init__(self, plan: Plan, body: Body, health: Health, arrived: float) -> None:
        self._plan, self._body, self._health, self._arrived = plan, body, health, arrived
        self._streaming = plan.catalog.table.streaming
        self._chain = Chain(plan)
        self._chain_deadline: float
        self._attempt: Attempt | None = None
        self._reading: Reading
        self._next: Candidate | None = None
        self._without: frozenset[str] = frozenset()  # what the candidate at hand answered 400 about
        self.attempts: list[Attempt] = []
        self.phase = Phase.WAITING
        self.deadline: float | None = None
        self.first_token: float | None = None
        self.settlement: Settlement | None = None

    # ---- what the shell says

    def start(self, now: float) -> Commands:
        # what came before (the check of a key, a slow upload) is in every duration, but no model is blamed for it
        self._chain_deadline = now + self._streaming.first_token_timeout_ms / 1000
        return self._open(self._chain.take(), now)

    def head(self, status: int, headers: Any, now: float) -> Commands:
        """An upstream answered its headers. They commit nothing: it may still be silent, or speak of an error."""
        attempt = self._current
        attempt.status, attempt.headers = status, headers
        attempt.is_events = "text/event-stream" in (headers.get("Content-Type") or "")
        if not attempt.streamed:
            self.deadline = now + self._streaming.stall_ms / 1000
        return ()

    def data(self, chunk: bytes, now: float) -> Commands:
        attempt = self._current
        if not attempt.is_events or attempt.status != 200:
            return self._collect(attempt, chunk, now)
        try:
            events = attempt.splitter.feed(chunk)
        except sse.EventTooLongError:
            return self._broken(outcome.LOST, now)
        if self.phase is Phase.COMMITTED:
            self.deadline = now + self._streaming.stall_ms / 1000
            return self._pass_on(attempt, events, now)
        return self._gate(attempt, events, now)

    def end(self, now: float) -> Commands:
        """The upstream ended its answer as HTTP wants it, which says nothing about whether it is whole."""
        attempt = self._current
        if attempt.status != 200:
            body = b"".join(attempt.held)
            return self._failed(outcome.judge(attempt.status, attempt.headers, body, attempt.added), now)
        if not attempt.is_events:
            return self._whole_body(attempt, now)
        if attempt.splitter.rest.strip():  # some servers end without the last blank line
            commands = self.data(b"\n\n", now)
            return commands + (() if self.phase is Phase.OVER or self._attempt is not attempt else self.end(now))
        if self.phase is Phase.COMMITTED:
            return self._answered(now) if attempt.meter.finished else self._broken(outcome.LOST, now)
        return self._ended_empty(attempt, now)

    def lost(self, failure: Failure, now: float) -> Commands:
        """The attempt could not be sent, or its connection broke."""
        return self._broken(failure, now)

    def tick(self, now: float) -> Commands:
        """The deadline has passed."""
        if self.phase is Phase.PAUSED and self._next is not None:
            return self._open(self._next, now)
        attempt = self._current
        if self.phase is Phase.COMMITTED:
            return self._answered(now) if attempt.meter.finished else self._broken(outcome.STALLED, now)
        if not attempt.streamed:
            return self._failed(outcome.STALLED, now)
        if now >= self._chain_deadline:
            self._close(attempt, _TIMEOUT, now)
            return self._timed_out(now)
        return self._failed(outcome.SLOW, now)

    def client_left(self, now: float) -> Commands:
        """Whatever was generated so far is charged; the upstream is told to stop."""
        if self.phase is Phase.OVER:
            return ()
        if self._attempt is not None and self.phase is not Phase.PAUSED:
            committed = self.phase is Phase.COMMITTED
            if committed:
                self._health.answered(self._attempt.candidate.key)
            self._close(self._attempt, None if committed else _LEFT, now)
        return self._settle("ClientLeft", 499, now, CLOSE)

    # ---- attempts

    @property
    def _current(self) -> Attempt:
        if self._attempt is None:
            raise RuntimeError("no attempt is open")  # the shell fed an event of nothing
        return self._attempt

    def _open(self, candidate: Candidate, now: float) -> Commands:
        table = self._plan.catalog.table
        refused = self._health.refused_parameters(candidate.key) | self._without
        as_requested = table.streaming.upstream == "AsRequested"
        send = wanted(
            self._body, candidate, self._plan.ask, self._plan.output_limit, refused, as_requested=as_requested
        )
        if send.streamed and now >= self._chain_deadline:
            return self._timed_out(now)  # it would be cut at once, through no fault of its own
        limit = candidate.first_token_limit(self._plan.ask.input_tokens) if send.streamed else None
        cut_at = now + limit if limit is not None and self._chain.may_cut() else None
        attempt = Attempt(candidate, now, send.streamed, send.added, limit, cut_at, send.output_limit)
        if self._attempt is not None:
            self._attempt.followed = True
        self._attempt, self._next, self.phase = attempt, None, Phase.WAITING
        self._reading = Reading(self._body, attempt, as_json=not self._plan.ask.stream)
        self.attempts.append(attempt)
        self._chain.opened()
        self._health.began(candidate.key, candidate.provider_key, now)
        self.deadline = self._first_deadline(attempt, now)
        return (Open(candidate, send.body, send.streamed),)

    def _first_deadline(self, attempt: Attempt, now: float) -> float:
        if not attempt.streamed:
            return now + self._streaming.stall_ms / 1000
        return min(self._chain_deadline, attempt.cut_at if attempt.cut_at is not None else self._chain_deadline)

    def _close(self, attempt: Attempt, failure: Failure | None, now: float) -> None:
        attempt.failure, attempt.ended = failure, now
        self._health.ended(attempt.candidate.provider_key)
        if failure is None:  # only now it is known that the request was good but for what we added
            for parameter in self._without:
                self._health.refuse_parameter(attempt.candidate.key, parameter)
        if failure is None or failure is _LEFT:
            return
        if failure is outcome.SLOW:
            self._health.timed(attempt.candidate.key, late=True)
        elif failure.next not in _NOT_HEALTH or failure is _TIMEOUT:
            self._health.failed(attempt.candidate.key, now, failure.retry_after, failure.reason, failure.status)

    # ---- before the commit

    def _gate(self, attempt: Attempt, events: list[bytes], now: float) -> Commands:
        """Holds what says nothing yet; the first content token lets it all go."""
        for position, event in enumerate(events):
            seen = self._reading.read(event, now, committed=False)
            if seen is Seen.ERROR:
                return self._failed(outcome.ERROR_FRAME, now)
            if seen is not Seen.DROP:
                attempt.hold(event)
            if seen is Seen.CONTENT:
                return self._commit(attempt, now) + self._pass_on(attempt, events[position + 1 :], now)
            if seen is Seen.DONE:
                return self._ended_empty(attempt, now)
        return self._failed(outcome.NO_CONTENT, now) if attempt.held_bytes > _HELD_BYTES else ()

    def _commit(self, attempt: Attempt, now: float) -> Commands:
        self._committed(attempt, now)
        if self._reading.as_json:
            attempt.held.clear()
            return ()
        held, attempt.held = b"".join(attempt.held), []
        return Begin(events=True), Forward(held)

    def _committed(self, attempt: Attempt, now: float) -> None:
        self.phase, self.first_token = Phase.COMMITTED, now - self._arrived
        self.deadline = now + self._streaming.stall_ms / 1000
        if attempt.limit is not None:
            self._health.timed(attempt.candidate.key, late=now - attempt.started > attempt.limit)

    def _ended_empty(self, attempt: Attempt, now: float) -> Commands:
        """A stream without content: an answer only if it says that it is finished and nobody else is left to ask."""
        if not attempt.meter.finished or self._chain.follower() is not None:
            return self._failed(outcome.NO_CONTENT, now)
        commands = self._commit(attempt, now)
        return commands + self._answered(now)

    # ---- after the commit

    def _pass_on(self, attempt: Attempt, events: list[bytes], now: float) -> Commands:
        kept: list[bytes] = []
        for event in events:
            seen = self._reading.read(event, now, committed=True)
            if seen is Seen.ERROR:
                return self._forward(kept) + self._broken(outcome.ERROR_FRAME, now)
            if seen is Seen.TOO_MUCH:
                return self._forward(kept) + self._cut_at_limit(attempt, now)
            if seen is not Seen.DROP:
                kept.append(event)
            if seen is Seen.DONE:
                attempt.meter.finished = True
                self.deadline = now + _AFTER_DONE_SECONDS
        return self._forward(kept)

    def _forward(self, events: list[bytes]) -> Commands:
        if not events or self._reading.as_json:
            return ()
        return (Forward(events[0] if len(events) == 1 else b"".join(events)),)

    def _cut_at_limit(self, attempt: Attempt, now: float) -> Commands:
        attempt.meter.tokens -= 1  # the one that is not passed on
        end = self._reading.cut_at_limit(attempt.meter.settled(self._plan.ask.input_tokens))
        begin: Commands = (Begin(events=False),) if self._reading.as_json else ()
        return (*begin, Forward(end), *self._over(now))

    def _broken(self, failure: Failure, now: float) -> Commands:
        """Before the commit the next candidate answers; after it the client must see that its answer is not whole."""
        if self.phase is not Phase.COMMITTED:
            return self._failed(failure, now)
        attempt = self._current
        if attempt.meter.finished:
            return self._answered(now)
        candidate = attempt.candidate
        self._health.failed(candidate.key, now, reason=failure.reason)
        self._close(attempt, None, now)
        refusal = answer_cut(candidate.tier, candidate.model, failure.reason)
        if self._reading.as_json:
            return self._settle("Cut", 502, now, CLOSE, Refuse(refusal))
        return self._settle("Cut", 502, now, CLOSE, Forward(b"data: " + refusal.body() + b"\n\n"), FINISH)

    def _answered(self, now: float) -> Commands:
        before: Commands = ()
        if self._reading.as_json and self._current.is_events:
            before = (Begin(events=False), Forward(self._reading.answer()))
        return before + self._over(now)

    def _over(self, now: float) -> Commands:
        """The client has all that there is."""
        attempt = self._current
        self._health.answered(attempt.candidate.key)
        self._judge_pace(attempt)
        self._close(attempt, None, now)
        return self._settle("Answered", 200, now, CLOSE, FINISH)

    def _judge_pace(self, attempt: Attempt) -> None:
        """Of whole answers only: where none is cut for being slow, only the next request can be spared."""
        least = attempt.candidate.min_output_tokens_per_second
        if least is None:
            return
        pace = attempt.meter.tokens_per_second(attempt.usage(self._plan.ask.input_tokens).output)
        if pace is not None:
            self._health.paced(attempt.candidate.key, slow=pace < least)

    # ---- answers that are no stream

    def _collect(self, attempt: Attempt, chunk: bytes, now: float) -> Commands:
        if attempt.status == 200 or attempt.held_bytes < _ERROR_BODY_BYTES:
            attempt.hold(chunk)
        if not attempt.streamed:
            self.deadline = now + self._streaming.stall_ms / 1000
        return ()

    def _whole_body(self, attempt: Attempt, now: float) -> Commands:
        """A JSON answer commits when it is complete: it has no first token."""
        raw = b"".join(attempt.held)
        answer = sse.loads(raw)
        if not isinstance(answer, dict) or not isinstance(answer.get("choices"), list):
            known = isinstance(answer, dict) and answer.get("error") is not None
            return self._failed(outcome.ERROR_FRAME if known else outcome.NO_CONTENT, now)
        if not self._reading.as_json:
            return self._failed(outcome.NOT_A_STREAM, now)
        attempt.meter.usage = usage_of(answer.get("usage"))
        if attempt.meter.usage is None:
            attempt.meter.feed(answer, now)
            attempt.meter.first_at = attempt.meter.last_at = None
        self.phase = Phase.COMMITTED
        return (Begin(events=False), Forward(raw), *self._answered(now))

    # ---- falling back

    def _failed(self, failure: Failure, now: float) -> Commands:
        candidate = self._current.candidate
        self._close(self._current, failure, now)
        if failure.next is Next.NOWHERE:
            return self._give_up(failure, now)
        if failure.next is Next.WITHOUT and failure.param is not None:
            self._without |= {failure.param}
            return self._go_on(candidate, 0.0, now)
        self._without = frozenset()
        self._chain.failed(failure, candidate)
        if self._chain.follower() is None:
            return self._revive(now) or self._give_up(failure, now)
        delay = self._plan.catalog.table.fallback.delay_ms / 1000 if failure.next is Next.LATER else 0.0
        return self._go_on(self._chain.take(), delay, now)

    def _revive(self, now: float) -> Commands:
        slow = self._chain.revive(self.attempts) if now < self._chain_deadline else None
        return () if slow is None else self._go_on(slow, 0.0, now)

    def _go_on(self, candidate: Candidate, delay: float, now: float) -> Commands:
        if delay > 0:
            self.phase, self._next, self.deadline = Phase.PAUSED, candidate, now + delay
            return (CLOSE,)
        return CLOSE, *self._open(candidate, now)

    def _give_up(self, failure: Failure, now: float) -> Commands:
        named = [each.failure.retry_after for each in self.attempts if each.failure and each.failure.retry_after]
        tried = [
            (each.candidate.tier, each.candidate.model, each.failure.reason) for each in self.attempts if each.failure
        ]
        return self._refuse(outcome.refusal_for(failure, min(named, default=None), tried), now)

    def _timed_out(self, now: float) -> Commands:
        return self._refuse(first_token_timeout(self._streaming.first_token_timeout_ms / 1000), now)

    def _refuse(self, refusal: Refusal, now: float) -> Commands:
        kind = "Rejected" if refusal.status < 500 and refusal.status != 429 else "Failed"
        return self._settle(kind, refusal.status, now, CLOSE, Refuse(refusal))

    def _settle(self, kind: str, status: int, now: float, *commands: Command) -> Commands:
        self.phase, self.deadline = Phase.OVER, None
        self.settlement = settle(self._plan, self.attempts, kind, status, self._arrived, self.first_token, now)
        return commands
