"""Totals by UTC day that survive every restart: of who has ended, and the last counts of each who lives, in one text.

As both stand in the same text and instances count from their own start, reading one twice adds nothing, and a restart
of the operator between any two steps neither doubles nor forgets. What can be lost is what a proxy counted after it was
read last; then `incomplete_since` says from when on. Pure: times are arguments, in seconds since the epoch.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from pydantic import Field, ValidationError

from tierway_operator.counting import together, without_histograms
from tierway_proxy.contract.base import Message
from tierway_proxy.contract.observations import Day, Observations

LOST_SECONDS: Final = 30.0
"""An instance that was not seen for so long may have counted what nobody read."""
CLOSED_SECONDS: Final = 600.0
"""After so long without an answer it is taken for dead: it was lost then, and may not be counting still."""
ROUND_SECONDS: Final = 60.0
"""What the time between two rounds counts for at most: while nobody asked, nobody failed to answer."""
CLOSED_KEPT: Final = 50
"""Of so many dead the counts are kept apart, for their return; more would not fit into one ConfigMap for ever."""

Span = tuple[float, float]
"""From when until when something may not have been read."""


class Instance(Message):
    """What an instance had counted when it was read last.

    `missing_since`: the last round in which it answered; `missed_seconds`: of rounds since the first that it missed;
    `closed_at`: when it was taken for dead. Should it answer again, it is as if it had never been away.
    """

    days: dict[str, Day] = Field(default_factory=dict)
    missing_since: float | None = None
    missed_seconds: float = 0.0
    closed_at: float | None = None


class Tally(Message):
    """`at`: the last round. `closed`: instances whose counts are in `totals` already, and on which day."""

    version: Literal[1] = 1
    at: float = 0.0
    totals: dict[str, Day] = Field(default_factory=dict)
    instances: dict[str, Instance] = Field(default_factory=dict)
    closed: dict[str, str] = Field(default_factory=dict)
    incomplete_since: dict[str, float] = Field(default_factory=dict)


def day_of(time: float) -> str:
    """Return the UTC date, as YYYY-MM-DD."""
    return datetime.fromtimestamp(time, UTC).date().isoformat()


def read(text: str | None, now: float) -> Tally:
    """Return the tally that was saved. One that cannot be read is begun anew, and the day is incomplete."""
    if text is None:
        return Tally(at=now)
    try:
        return Tally.model_validate_json(text)
    except ValidationError:
        return Tally(at=now, incomplete_since={day_of(now): now})


def written(tally: Tally) -> str:
    return tally.model_dump_json(exclude_defaults=True)


def advanced(tally: Tally, observed: Iterable[Observations], now: float) -> tuple[Tally, frozenset[str]]:
    """Return the tally after a round of scrapes, and the final instances that may go once it is saved."""
    seen = {each.instance: each for each in observed}
    taken = {name: each for name, each in seen.items() if name not in tally.closed}
    final = {name: _read(each) for name, each in taken.items() if each.final}
    living = {name: _read(each) for name, each in taken.items() if not each.final}
    silent = {name: _silent(each, tally.at, now) for name, each in tally.instances.items() if name not in seen}
    dropped = _oldest_closed(silent)
    after = Tally(
        at=now,
        totals=_folded(tally.totals, (*final.values(), *dropped.values())),
        instances={**living, **{name: each for name, each in silent.items() if name not in dropped}},
        closed={**tally.closed, **dict.fromkeys((*final, *dropped), day_of(now))},
        incomplete_since=_flagged(
            tally.incomplete_since, (*_lost(dropped.values(), now), *_unread(tally, seen.values(), now))
        ),
    )
    return _without_old_days(after, now), frozenset(name for name, each in seen.items() if each.final)


def total(tally: Tally, date: str) -> Day:
    """Return everything that was counted on a day, as far as it was read."""
    parts = [tally.totals.get(date, Day()), *(each.days.get(date, Day()) for each in tally.instances.values())]
    return together(parts)


def incomplete_since(tally: Tally, date: str) -> float | None:
    """Return since when a day's total may lack something; None when it does not."""
    return _flagged(tally.incomplete_since, _lost(tally.instances.values(), tally.at)).get(date)


def _read(observed: Observations) -> Instance:
    return Instance(days={date: without_histograms(day) for date, day in observed.days.items()})


def _folded(totals: dict[str, Day], ended: Iterable[Instance]) -> dict[str, Day]:
    folded = dict(totals)
    for instance in ended:
        for date, day in instance.days.items():
            folded[date] = together((folded.get(date, Day()), day))
    return folded


def _silent(before: Instance, last_round: float, now: float) -> Instance:
    """Return an instance after a round in which it did not answer."""
    if before.missing_since is None:
        return before.model_copy(update={"missing_since": last_round})
    if before.closed_at is not None:
        return before
    missed = before.missed_seconds + min(now - last_round, ROUND_SECONDS)
    closed_at = now if missed >= CLOSED_SECONDS else None
    return before.model_copy(update={"missed_seconds": missed, "closed_at": closed_at})


def _oldest_closed(silent: Mapping[str, Instance]) -> dict[str, Instance]:
    """Return the dead that are too many to be kept apart: those that died first."""
    closed = [(each.closed_at, name) for name, each in silent.items() if each.closed_at is not None]
    return {name: silent[name] for _, name in sorted(closed, reverse=True)[CLOSED_KEPT:]}


def _lost(instances: Iterable[Instance], now: float) -> Iterator[Span]:
    """Yield when each may have counted what was not read: from its last answer until it was taken for dead."""
    for each in instances:
        until = now if each.closed_at is None else each.closed_at
        if each.missing_since is not None and until - each.missing_since >= LOST_SECONDS:
            yield each.missing_since, until


def _unread(tally: Tally, seen: Iterable[Observations], now: float) -> Iterator[Span]:
    """Yield this moment for each that counts on although its counts were closed: they would be doubled."""
    return ((now, now) for each in seen if each.instance in tally.closed and not each.final)


def _flagged(flags: Mapping[str, float], spans: Iterable[Span]) -> dict[str, float]:
    """Mark every day of each span."""
    found = dict(flags)
    for since, until in spans:
        first, last = datetime.fromisoformat(day_of(since)), datetime.fromisoformat(day_of(until))
        for days in range((last - first).days + 1):
            day = (first + timedelta(days=days)).date().isoformat()
            found[day] = min(found.get(day, since), since)
    return found


def _without_old_days(tally: Tally, now: float) -> Tally:
    yesterday = (datetime.fromtimestamp(now, UTC).date() - timedelta(days=1)).isoformat()
    return Tally(
        at=tally.at,
        totals={date: day for date, day in tally.totals.items() if date >= yesterday},
        instances={
            name: each.model_copy(update={"days": {date: day for date, day in each.days.items() if date >= yesterday}})
            for name, each in tally.instances.items()
            # nothing of the dead is of these days
            if each.closed_at is None or day_of(each.closed_at) >= yesterday
        },
        closed={name: date for name, date in tally.closed.items() if date >= yesterday},
        incomplete_since={date: time for date, time in tally.incomplete_since.items() if date >= yesterday},
    )
