"""What the API server said of tokens lately, by fingerprint: bounded, and never believed past a token's own end.

A good verdict is taken as it is for a minute, and renewed in its last quarter if the token is in use. After that the
API server must be asked, and while it does not answer the last good verdict stands until the token ends.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tierway_proxy.core.caller import Caller

GOOD_SECONDS = 60.0
DUE_SECONDS = 45.0
BAD_SECONDS = 5.0
MOST_GOOD = 10_000
MOST_BAD = 1_000


class Good(NamedTuple):
    """Times in seconds since the epoch. `expires_at` None: no end is known, so it is believed for a minute only."""

    caller: Caller
    asked_at: float
    expires_at: float | None

    def due(self, now: float) -> bool:
        """Whether it is time to ask again, so that nobody has to wait when it is fresh no more."""
        return now - self.asked_at >= DUE_SECONDS


class Bad(NamedTuple):
    why: str
    asked_at: float


class Verdicts:
    """`changed`: what is to be kept for a restart is not what it was when it was last set to False."""

    def __init__(self, most_good: int = MOST_GOOD, most_bad: int = MOST_BAD) -> None:
        self._good: OrderedDict[bytes, Good] = OrderedDict()
        self._bad: OrderedDict[bytes, Bad] = OrderedDict()
        self._most_good, self._most_bad = most_good, most_bad
        self.changed = False

    def fresh(self, fingerprint: bytes, now: float) -> Good | Bad | None:
        """A verdict that need not be asked for again."""
        good = self._good.get(fingerprint)
        if good is not None:
            return good if 0 <= now - good.asked_at < GOOD_SECONDS and _valid(good, now) else None
        bad = self._bad.get(fingerprint)
        return bad if bad is not None and 0 <= now - bad.asked_at < BAD_SECONDS else None

    def standing(self, fingerprint: bytes, now: float) -> Good | None:
        """The last good verdict, for while nobody can be asked."""
        good = self._good.get(fingerprint)
        return good if good is not None and good.expires_at is not None and _valid(good, now) else None

    def accept(self, fingerprint: bytes, good: Good) -> None:
        before = self._good.get(fingerprint)
        self._bad.pop(fingerprint, None)
        self._good[fingerprint] = good
        self._good.move_to_end(fingerprint)
        self.changed |= before is None or before._replace(asked_at=0) != good._replace(asked_at=0)
        while len(self._good) > self._most_good:
            self._good.popitem(last=False)

    def refuse(self, fingerprint: bytes, bad: Bad) -> None:
        """Good before or not: it is revoked."""
        self.changed |= self._good.pop(fingerprint, None) is not None
        self._bad[fingerprint] = bad
        self._bad.move_to_end(fingerprint)
        while len(self._bad) > self._most_bad:
            self._bad.popitem(last=False)

    def lasting(self, now: float) -> Iterator[tuple[bytes, Good]]:
        """Those that would still stand after a restart."""
        return ((each, good) for each, good in self._good.items() if good.expires_at is not None and _valid(good, now))

    def restore(self, kept: Mapping[bytes, Good]) -> None:
        """Take what an earlier process believed; the API server is asked again at the first request of each."""
        for fingerprint, good in kept.items():
            self._good.setdefault(fingerprint, good._replace(asked_at=0.0))


def _valid(good: Good, now: float) -> bool:
    return good.expires_at is None or now < good.expires_at
