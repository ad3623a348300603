"""Small valid documents of both kinds, and a way to bend one: ``tier({"spec.models[0].name": "auto"})``."""

import copy
import re
from collections.abc import Mapping
from typing import Any, Final

REMOVED: Final = object()

_TIER: Final[Mapping[str, Any]] = {
    "apiVersion": "tierway.dev/v1alpha1",
    "kind": "ModelTier",
    "metadata": {"name": "small"},
    "spec": {
        "providers": [{"name": "us", "baseURL": "https://api.example.com/v1"}],
        "models": [{"name": "m1", "price": {"inputPerMillionTokens": "0", "outputPerMillionTokens": "0.25"}}],
    },
}
_POLICY: Final[Mapping[str, Any]] = {
    "apiVersion": "tierway.dev/v1alpha1",
    "kind": "RoutingPolicy",
    "metadata": {"name": "default"},
    "spec": {
        "routes": [
            {"class": "Simple", "candidates": [{"tierRef": {"name": "small"}}]},
            {"class": "Moderate", "candidates": [{"tierRef": {"name": "small"}}]},
            {"class": "Complex", "candidates": [{"tierRef": {"name": "large"}}]},
        ],
        "rules": [{"name": "r1", "match": {"tools": True}, "use": {"class": "Complex"}}],
    },
}


def tier(changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return _changed(_TIER, changes or {})


def policy(changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return _changed(_POLICY, changes or {})


def _changed(document: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy in which each path has its new value; a list grows by one where the index is its length."""
    changed = copy.deepcopy(dict(document))
    for path, value in changes.items():
        *way, last = [int(step) if step.isdigit() else step for step in re.findall(r"[^.\[\]]+", path)]
        place: Any = changed
        for step in way:
            place = place.setdefault(step, {}) if isinstance(place, dict) else place[step]
        if value is REMOVED:
            del place[last]
        elif isinstance(place, list) and last == len(place):
            place.append(value)
        else:
            place[last] = value
    return changed
