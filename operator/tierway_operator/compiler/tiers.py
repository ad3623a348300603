"""What policies need to know of a ModelTier, and what is said of it: every fault of a tier is reported at the tier."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address

from tierway_operator.compiler.credentials import credential_problem, host_of
from tierway_operator.compiler.objects import Object
from tierway_operator.compiler.tier_data import bundle, served_by, tier_data
from tierway_operator.conditions import (
    ACCEPTED,
    CONFIG_MAP_NOT_FOUND,
    INVALID,
    KEY_NOT_FOUND,
    READ_FAILED,
    RESOLVED_REFS,
    Problem,
    Verdict,
    judged,
)
from tierway_operator.resources import ModelTier, defaults
from tierway_operator.resources.model import ModelState
from tierway_operator.resources.modeltier import ModelTierSpec
from tierway_operator.store import ConfigMaps, World
from tierway_proxy.contract.table import Tier


@dataclass(frozen=True)
class TierFacts:
    """What policies need to know of a tier.

    `spec` None: it cannot be read. `data` None: nothing of its newest spec can be published. `unsendable`: models that
    no provider can be sent requests for, as none of theirs has a usable key.
    """

    key: str
    spec: ModelTierSpec | None
    data: Tier | None
    verdicts: tuple[Verdict, ...]
    states: Mapping[str, ModelState] = field(default_factory=dict)
    unsendable: frozenset[str] = frozenset()

    def permits(self, namespace: str) -> bool | None:
        """Whether policies of a namespace may send requests here; None when the spec cannot be read."""
        if self.spec is None:
            return None
        allowed, own = self.spec.allowed_policies, self.key.partition("/")[0]
        if namespace == own or allowed is None:
            return namespace == own
        return allowed.from_ == "All" or (allowed.from_ == "Namespaces" and namespace in (allowed.namespaces or ()))

    @property
    def fault(self) -> str:
        """The first sentence that is wrong with it, for policies that cannot use it."""
        return next((each.message for each in self.verdicts if each.status != "True"), "It has no usable provider.")


def tier_facts(tier: Object[ModelTier], world: World) -> TierFacts:
    if tier.resource is None:
        return TierFacts(tier.key, None, None, (_accepted(tier, ()), _unread(tier)))
    spec, namespace = tier.resource.spec, tier.ref.namespace
    refused = tuple(_link_local(spec))
    bundles = tuple(_bundle_problems(spec, namespace, world.config_maps))
    keyless = {
        each.name: problem
        for index, each in enumerate(spec.providers)
        if (problem := credential_problem(f"spec.providers[{index}]", namespace, each, world.secrets))
    }
    return TierFacts(
        key=tier.key,
        spec=spec,
        data=None if refused or bundles else tier_data(spec, namespace, world.config_maps),
        verdicts=(
            _accepted(tier, refused),
            judged(RESOLVED_REFS, (*keyless.values(), *bundles), "Its Secrets and ConfigMaps can be used."),
        ),
        states={each.name: each.state or defaults.MODEL_STATE for each in spec.models},
        unsendable=frozenset(_unsendable(spec, {each for each, why in keyless.items() if not why.unknown})),
    )


def _accepted(tier: Object[ModelTier], problems: tuple[Problem, ...]) -> Verdict:
    faults = [] if tier.fault is None else [Problem(INVALID, f"The newest spec is not valid: {tier.fault}")]
    return judged(ACCEPTED, (*faults, *problems), "The spec can be used.")


def _unread(tier: Object[ModelTier]) -> Verdict:
    return Verdict(RESOLVED_REFS, "Unknown", INVALID, f"The spec cannot be read: {tier.fault}")


def _link_local(spec: ModelTierSpec) -> Iterator[Problem]:
    for index, provider in enumerate(spec.providers):
        if _is_link_local(host_of(provider.base_url)):
            message = f"spec.providers[{index}].baseURL: link-local addresses are refused; write another host."
            yield Problem(INVALID, message)


def _is_link_local(host: str) -> bool:
    try:
        address: IPv4Address | IPv6Address = ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_link_local


def _bundle_problems(spec: ModelTierSpec, namespace: str, maps: ConfigMaps) -> Iterator[Problem]:
    for index, provider in enumerate(spec.providers):
        wanted = provider.ca_bundle_ref
        if wanted is None or bundle(provider, namespace, maps) is not None:
            continue
        path, key = f"spec.providers[{index}].caBundleRef", (namespace, wanted.name)
        if key in maps.errors:
            message = f"{path}: ConfigMap {namespace}/{wanted.name} cannot be read: {maps.errors[key]}"
            yield Problem(READ_FAILED, message, unknown=True)
        elif key not in maps.data:
            yield Problem(CONFIG_MAP_NOT_FOUND, f"{path}: there is no ConfigMap {namespace}/{wanted.name}; create it.")
        else:
            message = f"{path}: ConfigMap {namespace}/{wanted.name} has no value under {wanted.key!r}; add it."
            yield Problem(KEY_NOT_FOUND, message)


def _unsendable(spec: ModelTierSpec, keyless: set[str]) -> Iterator[str]:
    for model in spec.models:
        if all(provider in keyless for provider, _ in served_by(model, spec)):
            yield model.name
