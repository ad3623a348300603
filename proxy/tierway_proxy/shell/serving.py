"""What one proxy process holds while it serves: tables ready for deciding, health, counts, whether it drains."""

import secrets
import time
from collections import Counter
from collections.abc import Callable

from tierway_proxy.contract.base import READS
from tierway_proxy.contract.observations import Observations
from tierway_proxy.core.caller import Caller
from tierway_proxy.core.caller_counts import CallerCounts
from tierway_proxy.core.catalog import Catalog
from tierway_proxy.core.counters import Counters
from tierway_proxy.core.health import Health
from tierway_proxy.core.ledger import Settlement
from tierway_proxy.shell import breakers
from tierway_proxy.shell.authentication.gate import Gate
from tierway_proxy.shell.tables import Served, Tables


class Serving:
    """`clock`: seconds since the epoch. `instance` names this process in observations and request ids.

    `gate` None: nobody is asked who they are. `unrouted`: the requests that were refused before any policy was found
    for them, by the error's code. `faults`: how many ended in a fault of ours. `recorded`: those that were to be kept
    for labelling, by policy and by what became of it.
    """

    def __init__(
        self,
        tables: Tables,
        *,
        region: str | None,
        default_policy: str | None,
        gate: Gate | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.tables, self.default_policy, self.gate = tables, default_policy, gate
        self.callers = CallerCounts()
        self.health, self.counters = Health(breakers.log), Counters()
        self.instance = secrets.token_hex(8)
        self.draining = self.final = self.acknowledged = False
        self.in_flight = 0
        self.unrouted: Counter[str] = Counter()
        self.faults = 0
        self.recorded: dict[tuple[str, str], int] = {}
        self._region, self._clock = region, clock
        self._started_at = clock()
        self._catalogs: dict[str, tuple[Served, Catalog]] = {}
        self._date = (0.0, "")
        tables.on_change.append(self._changed)

    @property
    def ready(self) -> bool:
        """Whether new requests should be sent here."""
        return self.tables.ready and not self.draining

    def catalog(self, policy: str) -> Catalog | None:
        """The policy's table, ready for deciding; None when it is not served here."""
        served = self.tables.served.get(policy)
        if served is None:
            return None
        known = self._catalogs.get(policy)
        if known is None or known[0] is not served:
            known = self._catalogs[policy] = (served, Catalog(served.table, served.state, served.hash, self._region))
        return known[1]

    def record(self, request: Settlement, caller: Caller | None = None) -> None:
        self.counters.record(request, self._today())
        if caller is not None:
            self.callers.record(request, caller)

    def observations(self) -> Observations:
        return Observations(
            reads=READS,
            instance=self.instance,
            started_at=self._started_at,
            draining=self.draining,
            final=self.final,
            tables=self.tables.loaded(),
            days=self.counters.days(),
            open_breakers=self.health.open_breakers(),
        )

    def _changed(self, policy: str) -> None:
        self._catalogs.pop(policy, None)
        named = [catalog.keys for policy in self.tables.served if (catalog := self.catalog(policy)) is not None]
        self.health.keep(frozenset().union(*named))

    def _today(self) -> str:
        """The UTC date, worked out once a second."""
        now = self._clock()
        if now - self._date[0] >= 1 or now < self._date[0]:
            self._date = (float(int(now)), time.strftime("%Y-%m-%d", time.gmtime(now)))
        return self._date[1]
