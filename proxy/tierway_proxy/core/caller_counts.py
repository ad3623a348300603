"""What callers asked for and spent, for the metrics of this process: by name for the first hundred, then together."""

from collections import defaultdict
from dataclasses import dataclass

from tierway_proxy.core.caller import OTHERS, Caller
from tierway_proxy.core.ledger import Settlement

MOST = 100


@dataclass(slots=True)
class Spent:
    """`cost` in pico-dollars."""

    requests: int = 0
    cost: int = 0


class CallerCounts:
    """`by` policy and caller."""

    def __init__(self, most: int = MOST) -> None:
        self.by: defaultdict[tuple[str, str], Spent] = defaultdict(Spent)
        self._names: set[str] = set()
        self._most = most

    def record(self, request: Settlement, caller: Caller) -> None:
        spent = self.by[request.policy, self._name(caller)]
        spent.requests += 1
        spent.cost += request.cost

    def _name(self, caller: Caller) -> str:
        if caller.name not in self._names:
            if len(self._names) >= self._most:
                return OTHERS
            self._names.add(caller.name)
        return caller.name
