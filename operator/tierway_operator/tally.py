"""Totals by UTC day that survive every restart: of who has ended, and the last counts of each who lives, in one text.

As both stand in the same text and instances count from their own start, reading one twice adds nothing, and a restart
of the operator between any two steps neither doubles nor forgets. What can be lost is what a proxy counted after it was
read last; then `incomplete_since` says from when on. Pure: times are arguments, in seconds since the epoch.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from pydantic import Field, ValidationError

from tierway_operator.counting import together, without_histograms
from tierway_proxy.contract.base import Message
from tierway_proxy.contract.observations import Day, Observations

LOST_SECONDS: Final = 30.0
"""An instance that was not seen for so long may have counted what nobody read."""
CLOSED_SECONDS: Final = 600.0
"""After so long it is taken for dead: its counts become totals, and should it return they are not taken again."""


class Instance(Message):
    """What an instance had counted when it was read last. `missing_since`: the last round in which it answered."""

    days: dict[str, Day] = Field(default_factory=dict)
    missing_since: float | None = None


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
    living = {name: _read(each) for name, each in seen.items() if name not in tally.closed and not each.final}
    missing = {
        name: Instance(days=each.days, missing_since=each.missing_since or tally.at)
        for name, each in tally.instances.items()
        if name not in seen
    }
    dead = {name: each for name, each in missing.items() if now - (each.missing_since or now) >= CLOSED_SECONDS}
    final = {name: _read(each) for name, each in seen.items() if name not in tally.closed and each.final}
    after = Tally(
        at=now,
        totals=_folded(tally.totals, (*final.values(), *dead.values())),
        instances={**living, **{name: each for name, each in missing.items() if name not in dead}},
        closed={**tally.closed, **dict.fromkeys((*final, *dead), day_of(now))},
        incomplete_since=_flagged(tally.incomplete_since, dead.values(), now),
    )
    return _without_old_days(after, now), frozenset(name for name, each in seen.items() if each.final)


def total(tally: Tally, date: str) -> Day:
    """Return everything that was counted on a day, as far as it was read."""
    parts = [tally.totals.get(date, Day()), *(each.days.get(date, Day()) for each in tally.instances.values())]
    return together(parts)


def incomplete_since(tally: Tally, date: str) -> float | None:
    """Return since when a day's total may lack something; None when it does not."""
    lost = [each for each in tally.instances.values() if tally.at - (each.missing_since or tally.at) >= LOST_SECONDS]
    times = _flagged(tally.incomplete_since, lost, tally.at)
    return times.get(date)


def _read(observed: Observations) -> Instance:
    return Instance(days={date: without_histograms(day) for date, day in observed.days.items()})


def _folded(totals: dict[str, Day], ended: Iterable[Instance]) -> dict[str, Day]:
    folded = dict(totals)
    for instance in ended:
        for date, day in instance.days.items():
            folded[date] = together((folded.get(date, Day()), day))
    return folded


def _flagged(flags: dict[str, float], lost: Iterable[Instance], now: float) -> dict[str, float]:
    """Mark the day on which an instance was seen last, and this one: it may have counted on either."""
    found = dict(flags)
    for instance in lost:
        since = instance.missing_since or now
        for date in (day_of(since), day_of(now)):
            found[date] = min(found.get(date, since), since)
    return found


def _without_old_days(tally: Tally, now: float) -> Tally:
    yesterday = (datetime.fromtimestamp(now, UTC).date() - timedelta(days=1)).isoformat()
    return Tally(
        at=tally.at,
        totals={date: day for date, day in tally.totals.items() if date >= yesterday},
        instances={
            name: Instance(
                days={date: day for date, day in each.days.items() if date >= yesterday},
                missing_since=each.missing_since,
            )
            for name, each in tally.instances.items()
        },
        closed={name: date for name, date in tally.closed.items() if date >= yesterday},
        incomplete_since={date: time for date, time in tally.incomplete_since.items() if date >= yesterday},
    )
