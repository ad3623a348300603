"""What routing by these classes saves at a stated mix of traffic and prices: never without what it sends too low."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from tierway_proxy.core.classify.classes import UNCERTAIN
from training.card_page import percent, table
from training.card_tables import PRESETS, SETS, in_set, part
from training.card_unseen import Unseen

MIX: Final = (0.60, 0.28, 0.12)
"""Shares of Simple, Moderate and Complex requests that are assumed of the traffic."""
PRICES: Final[Mapping[str, float]] = {"ultra-budget": 0.08, "budget": 0.27, "mid-range": 0.58, "premium": 2.36}
"""USD per million output tokens: averages of a benchmark of fifteen models, May 2026."""
ROUTES: Final[Mapping[str, tuple[str, str, str]]] = {
    "Complex → premium": ("ultra-budget", "mid-range", "premium"),
    "Complex → mid-range": ("ultra-budget", "budget", "mid-range"),
}
"""First tier of Simple, Moderate and Complex."""


def saving(confusion: np.ndarray, route: Sequence[str], mix: Sequence[float] = MIX) -> float:
    """Give the share saved against everything at premium; `confusion[label][class]` counts, answers equally long."""
    went = confusion / confusion.sum(axis=1, keepdims=True)
    cost = np.array(mix) @ went @ np.array([PRICES[tier] for tier in route])
    return float(1 - cost / PRICES["premium"])


def savings(of: Unseen) -> str:
    """Write savings at every preset beside under-routing, and those of knowing and of not looking at all."""
    head = ("", *(f"saved, {name}" for name in ROUTES), "Complex sent below Complex", "others sent to Complex")
    return table(head, [*_known(), *_found(of)])


def _known() -> Iterator[tuple[str, ...]]:
    yield "labels themselves", *_saved(np.eye(3)), percent(0), percent(0)
    everything = np.array([[1, 0, 0]] * 3)
    yield "all taken for Simple", *_saved(everything), percent(1), percent(0)


def _found(of: Unseen) -> Iterator[tuple[str, ...]]:
    for name, title in SETS.items():
        for preset in PRESETS:
            found = part(of, in_set(of, name), preset, UNCERTAIN).figures()
            yield f"{title}, {preset}", *_saved(found.confusion), percent(found.under), percent(found.over)


def _saved(confusion: np.ndarray) -> tuple[str, ...]:
    return tuple(percent(saving(confusion, route)) for route in ROUTES.values())
