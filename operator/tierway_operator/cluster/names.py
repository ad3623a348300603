"""What the release's own objects are called, and how they say whose they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

RELEASE = "tierway.dev/release"
POLICY_NAMESPACE = "tierway.dev/policy-namespace"
POLICY_NAME = "tierway.dev/policy-name"
POLICY_UID = "tierway.dev/policy-uid"

_LONGEST_LABEL = 63


@dataclass(frozen=True)
class Release:
    """One installation: its name and the namespace that its own objects live in."""

    name: str
    namespace: str

    @property
    def field_manager(self) -> str:
        return f"tierway-{self.name}"

    @property
    def identity(self) -> str:
        """Say which release holds a namespace."""
        return f"{self.namespace}/{self.name}"

    @property
    def role(self) -> str:
        """Name the Role or ClusterRole by which the operator reads and writes objects outside its own namespace."""
        return f"tierway:{self.namespace}:{self.name}:objects"

    @property
    def keys(self) -> str:
        """Name the Secret of all provider keys."""
        return f"{self.name}-keys"

    @property
    def tally(self) -> str:
        """Name the ConfigMap of all that was ever counted."""
        return f"{self.name}-tally"

    @property
    def proxies(self) -> str:
        """Name the headless Service of the proxies."""
        return f"{self.name}-proxies"

    @property
    def slices(self) -> str:
        """Select the EndpointSlices of that Service."""
        return f"kubernetes.io/service-name={self.proxies}"

    def table(self, policy: str) -> str:
        """Name the ConfigMap of a policy: by hash, since namespace and name together may be too long for a name."""
        return f"{self.name}-table-{sha256(policy.encode()).hexdigest()[:16]}"

    def marks(self, policy: str, uid: str | None = None) -> dict[str, dict[str, str]]:
        """Labels and annotations of a policy's ConfigMap: what is too long for a label stands in an annotation."""
        namespace, name = policy.split("/", 1)
        said = {POLICY_NAMESPACE: namespace, POLICY_NAME: name}
        labels = {key: value for key, value in said.items() if len(value) <= _LONGEST_LABEL}
        annotations = {key: value for key, value in said.items() if key not in labels}
        annotations |= {} if uid is None else {POLICY_UID: uid}
        return {"labels": {RELEASE: self.name, **labels}, "annotations": annotations}


def policy_of(config_map: Mapping[str, Any]) -> str | None:
    """Return the policy that a ConfigMap of ours is for; None when it does not say."""
    metadata = config_map["metadata"]
    said = {**(metadata.get("annotations") or {}), **(metadata.get("labels") or {})}
    namespace, name = said.get(POLICY_NAMESPACE), said.get(POLICY_NAME)
    return f"{namespace}/{name}" if namespace and name else None


def uid_of(config_map: Mapping[str, Any]) -> str | None:
    """Return the uid of the policy that a ConfigMap of ours was compiled from; None when it does not say."""
    found = (config_map["metadata"].get("annotations") or {}).get(POLICY_UID)
    return None if found is None else str(found)
