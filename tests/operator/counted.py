"""What proxies say they counted, for tests."""

from typing import Any

from tierway_proxy.contract.histogram import bucket
from tierway_proxy.contract.observations import Day, EndpointCounts, Observations, PolicyCounts

ENDPOINT = "llm/cheap/small/main"
POLICY = "llm/default"


def histogram(*values: float) -> dict[int, int]:
    found: dict[int, int] = {}
    for value in values:
        found[bucket(value)] = found.get(bucket(value), 0) + 1
    return found


def endpoint(ttft: tuple[float, ...] = (), cut: tuple[float, ...] = (), **counts: Any) -> EndpointCounts:
    """Attempts with these first tokens (ms), and others cut after so long; each is late that was cut."""
    defaults = {"attempts": len(ttft) + len(cut), "committed": len(ttft), "breaches": len(cut)}
    errors = {"SlowFirstToken": len(cut)} if cut else {}
    times = {"ttft": {"1K": histogram(*ttft)}, "censored": {"1K": histogram(*cut)}}
    return EndpointCounts(**{**defaults, "errors": errors, **times, **counts})


def attempts(count: int, **more: Any) -> EndpointCounts:
    return EndpointCounts(attempts=count, committed=count, cost=count * 10, output_tokens=count * 3, **more)


def day(endpoints: Any = None, policies: dict[str, PolicyCounts] | None = None) -> Day:
    found = endpoints if isinstance(endpoints, dict) else {} if endpoints is None else {ENDPOINT: endpoints}
    return Day(endpoints=found, policies=policies or {})


def observations(instance: str = "a", started_at: float = 0.0, *, final: bool = False, **days: Any) -> Observations:
    """`days`: date with underscores (`d2026_11_24`) -> Day, or counts of the one endpoint."""
    by_date = {
        name[1:].replace("_", "-"): found if isinstance(found, Day) else day(found) for name, found in days.items()
    }
    return Observations(reads=(1,), instance=instance, started_at=started_at, final=final, days=by_date)
