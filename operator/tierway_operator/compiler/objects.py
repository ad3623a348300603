"""Listed manifests as typed objects. An object that cannot be read is carried with the sentence that says why."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import ValidationError

from tierway_operator.resources import ModelTier, RoutingPolicy
from tierway_operator.store import Entry, Kind, Published, Ref

Resource = TypeVar("Resource", ModelTier, RoutingPolicy)
_SHOWN_ERRORS = 3


@dataclass(frozen=True)
class Object(Generic[Resource]):
    """`resource` None: nothing of it can be used. `fault`: what its newest text has wrong; None when it is valid."""

    ref: Ref
    generation: int
    resource: Resource | None
    fault: str | None

    @property
    def key(self) -> str:
        """How tables, states and statuses call it: `namespace/name`."""
        return f"{self.ref.namespace}/{self.ref.name}"


def comes_from(published: Published | None, policy: Ref) -> bool:
    """Whether what is published was compiled from this object, and not from one that had its name before.

    Without a uid an older version of Tierway published it, and it is taken for the object's: else an upgrade would
    refuse every policy of which a tier was deleted since. It gets its uid when it is published next, at once.
    """
    return published is not None and published.uid in {None, policy.uid}


def tier_objects(entries: Iterable[Entry]) -> dict[str, Object[ModelTier]]:
    return _keyed(_object("ModelTier", ModelTier, entry) for entry in entries)


def policy_objects(entries: Iterable[Entry]) -> dict[str, Object[RoutingPolicy]]:
    return _keyed(_object("RoutingPolicy", RoutingPolicy, entry) for entry in entries)


def _keyed(objects: Iterable[Object[Resource]]) -> dict[str, Object[Resource]]:
    return dict(sorted((each.key, each) for each in objects))


def _object(kind: Kind, model: type[Resource], entry: Entry) -> Object[Resource]:
    meta = entry.manifest["metadata"]
    ref = Ref(kind, meta["namespace"], meta["name"], meta["uid"])
    # its own status is no input: a status of another version must not make a good spec unreadable
    manifest = {key: value for key, value in entry.manifest.items() if key != "status"}
    try:
        resource, flaw = model.model_validate(manifest), None
    except ValidationError as error:
        resource, flaw = None, _sentence(error)
    return Object(ref, meta["generation"], resource, entry.fault or flaw)


def _sentence(error: ValidationError) -> str:
    errors = error.errors(include_url=False, include_input=False, include_context=False)
    told = ["{}: {}".format(".".join(map(str, each["loc"])), each["msg"]) for each in errors[:_SHOWN_ERRORS]]
    more = len(errors) - len(told)
    return "; ".join(told) + (f"; and {more} more" if more else "") + "."
