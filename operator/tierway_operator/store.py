"""Where objects live and where statuses and tables go: the protocol that the loop knows, and nothing of how it is kept.

Two stores keep it: the Kubernetes API (`cluster`) and a folder of YAML (`folder`). A store carries bytes and never
judges them: what an object means is the compiler's to say. It refuses one thing: to show a failed LIST as an empty one.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Kind = Literal["ModelTier", "RoutingPolicy"]
Manifest = Mapping[str, Any]
"""A whole object as `kubectl get -o json` prints it: apiVersion, kind, metadata, spec, status."""

CREDENTIAL_LABEL = "tierway.dev/credential"
MODEL_LABEL = "tierway.dev/classifier-model"
HOSTS_ANNOTATION = "tierway.dev/hosts"


class Unreachable(Exception):  # noqa: N818 - the state of the store, the protocol's word
    """The store cannot be read or written now; nothing of the call was learnt. Try again later."""


class StatusRefused(Exception):  # noqa: N818
    """The store's schema refuses this status: our fault, and trying the same again is no use."""


@dataclass(frozen=True)
class Entry:
    """An object of ours. `fault`: why its newest text is not valid; `manifest` is then the last that was.

    Without a last good one the manifest is what could be read of it, with at least metadata.namespace and .name.
    metadata.uid and metadata.generation are always there, and status as it was last written.
    """

    manifest: Manifest
    fault: str | None = None


@dataclass(frozen=True)
class Listing:
    """The answer to one LIST. With an `error` its kind is unknown, never empty, and `entries` means nothing."""

    entries: tuple[Entry, ...] = ()
    error: str | None = None


@dataclass(frozen=True)
class Secret:
    """A Secret that carries the label `tierway.dev/credential: "true"`; `data` is decoded and never printed."""

    namespace: str
    name: str
    annotations: Mapping[str, str]
    data: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Secrets:
    """All labelled Secrets of the namespaces that have tiers; `errors`: namespace -> why its LIST failed."""

    found: tuple[Secret, ...] = ()
    errors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ConfigMaps:
    """Data of those ConfigMaps that tiers and policies name, by (namespace, name); absent: there is none.

    `errors`: those that could not be read, and why. `models`: those with the label
    `tierway.dev/classifier-model: "true"`.
    """

    data: Mapping[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)
    errors: Mapping[tuple[str, str], str] = field(default_factory=dict)
    models: Collection[tuple[str, str]] = frozenset()


@dataclass(frozen=True)
class Published:
    """What the proxies read of one policy: the bytes of table.json and state.json.

    `uid`: of the policy that the table was compiled from, which no proxy reads; None when a version of Tierway
    published it that did not say.
    """

    table: str
    state: str
    uid: str | None = None


@dataclass(frozen=True)
class World:
    """Everything by LIST, at one time. `published` is by policy (`namespace/name`), `keys` by opaque credential id.

    `elsewhere`: namespaces that another release holds, and which: of their objects no status is written.
    """

    tiers: Listing
    policies: Listing
    secrets: Secrets = Secrets()
    config_maps: ConfigMaps = ConfigMaps()
    published: Mapping[str, Published] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    elsewhere: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Proxy:
    """One proxy to ask. `admin_url` has no path (`http://10.0.0.7:9090`); `name` is for people (the pod's).

    It counts for `Programmed` when it serves and is not terminating; it is asked for observations in any case.
    """

    name: str
    admin_url: str
    serving: bool
    terminating: bool = False


@dataclass(frozen=True)
class Ref:
    """The object a status is for: with its uid, so that no status of a dead object lands on its namesake."""

    kind: Kind
    namespace: str
    name: str
    uid: str


class Store(Protocol):
    """Every method may raise `Unreachable`, and raises nothing else that is not said here."""

    async def changed(self) -> None:
        """Return when anything that `world` or `proxies` shows may differ; at once if it did since the last return.

        Waits without a time limit, may be cancelled at any time, and may return for nothing.
        """

    async def world(self) -> World:
        """LIST everything. An error of a LIST stands in its part.

        `Unreachable` only when it cannot be known what is published, or whose a namespace is.
        """

    async def proxies(self) -> tuple[Proxy, ...]:
        """All proxies of the release that have an address, draining ones too."""

    async def publish(self, policy: str, published: Published) -> None:
        """Create or replace both texts of one policy, and the uid if there is one."""

    async def unpublish(self, policy: str) -> None:
        """Remove what was published for a policy; nothing when there is nothing."""

    async def publish_keys(self, keys: Mapping[str, str]) -> None:
        """Replace the set of all keys; the token stays."""

    async def token(self) -> str:
        """Return the release's token (hex of 32 random bytes); the first call of the release's life makes it."""

    async def write_status(self, ref: Ref, status: Mapping[str, Any]) -> None:
        """Replace an object's status; nothing when the object is gone or has another uid.

        Raises `StatusRefused` when the schema refuses it, after telling the object's users where the store can (Event).
        """

    async def load_tally(self) -> str | None:
        """Return the text that was saved last; None when none ever was."""

    async def save_tally(self, text: str) -> None:
        """Replace the tally's text (one ConfigMap's worth: up to 1 MiB)."""


def ca_bundle_refs(tiers: Iterable[Entry]) -> set[tuple[str, str]]:
    """(namespace, name) of every ConfigMap that a tier names, for a store that reads only those."""
    found = set()
    for entry in tiers:
        namespace = entry.manifest["metadata"]["namespace"]
        spec = entry.manifest.get("spec")
        providers = spec.get("providers") if isinstance(spec, Mapping) else None
        for provider in providers if isinstance(providers, list) else ():
            reference = provider.get("caBundleRef") if isinstance(provider, Mapping) else None
            if isinstance(reference, Mapping) and isinstance(reference.get("name"), str):
                found.add((namespace, reference["name"]))
    return found


def model_refs(policies: Iterable[Entry]) -> set[tuple[str, str]]:
    """(namespace, name) of every ConfigMap that a policy names as the model of its classifier."""
    found = set()
    for entry in policies:
        reference: Any = entry.manifest
        for part in ("spec", "classifier", "modelRef"):
            reference = reference.get(part) if isinstance(reference, Mapping) else None
        if isinstance(reference, Mapping) and isinstance(reference.get("name"), str):
            found.add((entry.manifest["metadata"]["namespace"], reference["name"]))
    return found
