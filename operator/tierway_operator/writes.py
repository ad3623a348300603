"""Whether a status is written now: conditions at once, figures seldom and only when they say something new. Pure.

Status writes are the operator's load on the API server. What would be written is compared with what is written; equal
means never. A difference of figures waits for `interval`, and is written when it is great or has come to rest, so that
the last change is always shown within one interval.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

GREAT: Final = 0.10
"""A figure that differs by more than this share is worth a write before it has come to rest."""
_REST: Final = 2 / 3
# What users and tools wait for; all else of a status is figures.
_AT_ONCE: Final = ("conditions", "observedGeneration", "programmedGeneration", "tableHash", "classifier", "proxies")


@dataclass(frozen=True)
class Written:
    """An object's status as it is in the store, when it was written, and what it should be since when.

    Times in seconds of any one clock. An object that was never written has an empty status.
    """

    status: Mapping[str, Any]
    at: float
    wanted: Mapping[str, Any]
    changed_at: float


def wanting(before: Written | None, status: Mapping[str, Any], now: float) -> Written:
    """Return the record with what the status should be now."""
    if before is None:
        return Written({}, float("-inf"), status, now)
    changed_at = before.changed_at if before.wanted == status else now
    return Written(before.status, before.at, status, changed_at)


def due(record: Written, now: float, interval: float) -> bool:
    """Return whether to write. It must be asked at least three times an interval."""
    if record.status == record.wanted:
        return False
    if any(record.status.get(part) != record.wanted.get(part) for part in _AT_ONCE):
        return True
    if now - record.at < interval:
        return False
    return now - record.changed_at >= interval * _REST or great(record.status, record.wanted)


def done(record: Written, now: float) -> Written:
    """Return the record after its status was written."""
    return Written(record.wanted, now, record.wanted, record.changed_at)


def great(before: Any, after: Any) -> bool:
    """Return whether any figure appeared, vanished or differs by more than a tenth; texts differ or do not."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        figures = (key for key in before.keys() | after.keys() if key != "summary")
        return any(great(before.get(key), after.get(key)) for key in figures)
    if isinstance(before, list) and isinstance(after, list):
        return len(before) != len(after) or any(great(*pair) for pair in zip(before, after, strict=True))
    old, new = _number(before), _number(after)
    if old is None or new is None:
        return bool(before != after)
    return abs(new - old) > GREAT * max(abs(old), abs(new))


def _number(value: Any) -> float | None:
    """Return a figure; money is text that is one."""
    try:
        return None if value is None or isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None
