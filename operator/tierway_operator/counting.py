"""Sums and differences of what proxies counted: trees of whole numbers, added and subtracted leaf by leaf."""

from collections.abc import Iterable, Mapping
from typing import Any

from tierway_proxy.contract.observations import Day, EndpointCounts, PolicyCounts

Tree = Mapping[Any, Any]
_HISTOGRAMS = ("ttft", "censored", "output_tokens_per_second", "ttlt", "first_token")


def added(one: Tree, other: Tree) -> dict[Any, Any]:
    """Return both together; a leaf or branch that only one has is taken as it is."""
    total = dict(one)
    for key, value in other.items():
        if isinstance(value, Mapping):
            total[key] = added(total.get(key, {}), value)
        else:
            total[key] = total.get(key, 0) + value
    return total


def since(now: Tree, then: Tree) -> dict[Any, Any]:
    """Return what was counted after `then`; counters only grow, so a smaller one is another's and counts as nothing."""
    return {
        key: since(value, then.get(key, {})) if isinstance(value, Mapping) else max(0, value - then.get(key, 0))
        for key, value in now.items()
    }


def together(days: Iterable[Day]) -> Day:
    total: dict[Any, Any] = {}
    for day in days:
        total = added(total, day.model_dump())
    return Day.model_validate(total)


def without_histograms(day: Day) -> Day:
    """Return the totals alone: what a day's figures need, and small enough to be kept for every instance."""
    return Day(
        policies={key: PolicyCounts(**_bare(each)) for key, each in day.policies.items()},
        endpoints={key: EndpointCounts(**_bare(each)) for key, each in day.endpoints.items()},
    )


def _bare(counts: PolicyCounts | EndpointCounts) -> dict[str, Any]:
    return {key: value for key, value in counts.model_dump().items() if key not in _HISTOGRAMS}


def by_model(day: Day) -> dict[str, dict[str, EndpointCounts]]:
    """Return tier -> model -> its counts at all providers together."""
    trees: dict[str, dict[str, dict[Any, Any]]] = {}
    for key, counts in day.endpoints.items():
        # namespace/tier/model/provider; a model's name may have slashes itself
        namespace, tier, rest = key.split("/", 2)
        models = trees.setdefault(f"{namespace}/{tier}", {})
        model = rest.rpartition("/")[0]
        models[model] = added(models.get(model, {}), counts.model_dump())
    return {
        tier: {model: EndpointCounts.model_validate(tree) for model, tree in models.items()}
        for tier, models in trees.items()
    }


def summed(counts: Iterable[EndpointCounts]) -> EndpointCounts:
    total: dict[Any, Any] = {}
    for each in counts:
        total = added(total, each.model_dump())
    return EndpointCounts.model_validate(total)
