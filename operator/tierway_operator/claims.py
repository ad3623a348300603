"""Which of two releases a namespace belongs to: the one whose Lease there is alive. Pure.

A Lease is judged by how long it has not changed before our own eyes, never by the clock that it was written by. Only
time in which we looked counts: while the API server was away, the holder could not renew it either.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from tierway_operator.store import Listing, World

LEASE_SECONDS: Final = 60.0
"""After so long without a renewal a namespace is free."""
RENEW_SECONDS: Final = 20.0
LOOK_SECONDS: Final = 5.0
"""Between two looks at what another release holds."""
_COUNTED_SECONDS: Final = 2 * LOOK_SECONDS
"""What the time between two looks counts for at most."""


@dataclass(frozen=True)
class Record:
    """What a Lease says. `holder`: `namespace/name` of a release, empty when it is nobody's; `seconds`: its life.

    `since`: when the holder got it.
    """

    holder: str
    renewed: str
    seconds: float
    since: str = ""


@dataclass(frozen=True)
class Sighting:
    """The last look, at `at`. `record` None: there was no Lease. `unchanged`: for how long it was seen like this."""

    record: Record | None
    at: float
    unchanged: float = 0.0


def record_of(lease: Mapping[str, Any] | None) -> Record | None:
    if lease is None:
        return None
    spec = lease.get("spec") or {}
    seconds = float(spec.get("leaseDurationSeconds") or LEASE_SECONDS)
    return Record(spec.get("holderIdentity") or "", spec.get("renewTime") or "", seconds, spec.get("acquireTime") or "")


def sighted(before: Sighting | None, record: Record | None, now: float) -> Sighting:
    """Return this look, in the light of the one before."""
    if before is None or before.record != record:
        return Sighting(record, now)
    return Sighting(record, now, before.unchanged + min(now - before.at, _COUNTED_SECONDS))


def holder(sighting: Sighting) -> str | None:
    """Return the release that a namespace belongs to; None: whoever claims it next."""
    record = sighting.record
    if record is None or not record.holder or sighting.unchanged >= record.seconds:
        return None
    return record.holder


def served(world: World) -> World:
    """Return what this release compiles: no policy of another's namespace, whose tables are withdrawn so.

    Tiers stay: a policy here may use one of there, when its allowedPolicies say so.
    """
    if not world.elsewhere:
        return world
    kept = (each for each in world.policies.entries if each.manifest["metadata"]["namespace"] not in world.elsewhere)
    return replace(world, policies=Listing(tuple(kept), world.policies.error))


def left_alone(namespace: str, holder: str, release: str) -> str:
    """Return the sentence for users and log about a namespace that another release holds."""
    return (
        f"Namespace {namespace} is held by release {holder}; release {release} leaves its objects alone. Give each"
        f" release namespaces of its own (Helm value `namespaces`), or uninstall one of the two."
    )
