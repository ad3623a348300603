"""Small worlds for the compiler's tests: objects as a store lists them, and what a turn of the loop makes of them."""

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tierway_operator.compiler import Compiled, compiled
from tierway_operator.store import ConfigMaps, Entry, Listing, Published, Secret, Secrets, World
from tierway_proxy.contract.own_model import FIGURES, GENERAL, KEY, WORDS
from tierway_proxy.contract.state import State
from tierway_proxy.contract.table import RouteTable

Json = dict[str, Any]
NAME = "llm/default"


def model(name: str = "small", **spec: Any) -> Json:
    return {"name": name, "price": {"inputPerMillionTokens": "0.1", "outputPerMillionTokens": "0.2"}, **spec}


def provider(name: str = "main", **spec: Any) -> Json:
    return {"name": name, "baseURL": f"https://{name}.example.com/v1", **spec}


def tier(name: str, *models: Json, namespace: str = "llm", generation: int = 1, **spec: Any) -> Json:
    body = {"providers": [provider()], "models": list(models) or [model()], **spec}
    return _object("ModelTier", namespace, name, generation, body)


def routes(simple: Any = "cheap", moderate: Any = "cheap", complex_: Any = "dear") -> list[Json]:
    wanted = {"Simple": simple, "Moderate": moderate, "Complex": complex_}
    return [{"class": klass, "candidates": _candidates(tiers)} for klass, tiers in wanted.items()]


def reborn(found: Json) -> Json:
    """An object that was deleted and created again: its generation is 1 once more."""
    return {**found, "metadata": {**found["metadata"], "uid": f"{found['metadata']['uid']}-again", "generation": 1}}


def policy(name: str = "default", *, namespace: str = "llm", generation: int = 1, **spec: Any) -> Json:
    return _object("RoutingPolicy", namespace, name, generation, {"routes": routes(), **spec})


def _candidates(tiers: Any) -> list[Json]:
    many = tiers if isinstance(tiers, list) else [tiers]
    return [each if isinstance(each, dict) else {"tierRef": {"name": each}} for each in many]


def _object(kind: str, namespace: str, name: str, generation: int, spec: Json) -> Json:
    metadata = {"namespace": namespace, "name": name, "uid": f"uid-{name}", "generation": generation}
    return {"apiVersion": "tierway.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}


def secret(name: str = "keys", namespace: str = "llm", hosts: str | None = None, **data: str) -> Secret:
    return Secret(namespace, name, {} if hosts is None else {"tierway.dev/hosts": hosts}, data or {"api-key": "k-1"})


def model_text(**more: Any) -> str:
    """A model of a policy's own, as `tierway calibrate` writes it; `more` stands instead of its fields."""
    fields = {
        "version": 1, "over": GENERAL, "bias": [0.5, -0.5], "general": [[1.0, 0.0], [0.0, 1.0]], "step": 0.01,
        "structure": b64encode(bytes(2 * FIGURES)).decode(),
        "words": b64encode(bytes(2 * WORDS)).decode(), "labels": 40,
    }  # fmt: skip
    return json.dumps({**fields, **more})


def model_map(name: str = "support", *, label: str | None = "true", namespace: str = "llm", **data: str) -> Json:
    """A ConfigMap with a model, as users apply it."""
    labels = {} if label is None else {"labels": {"tierway.dev/classifier-model": label}}
    metadata = {"namespace": namespace, "name": name, **labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data or {KEY: model_text()}}


def listing(*objects: Json | Entry) -> Listing:
    return Listing(tuple(each if isinstance(each, Entry) else Entry(each) for each in objects))


@dataclass
class Turns:
    """A loop without a store: each turn compiles what is there and remembers what it published."""

    published: dict[str, Published] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)

    def turn(
        self,
        tiers: tuple[Json | Entry, ...],
        policies: tuple[Json | Entry, ...],
        secrets: Secrets | tuple[Secret, ...] = (),
        config_maps: ConfigMaps | None = None,
    ) -> Compiled:
        found = secrets if isinstance(secrets, Secrets) else Secrets(secrets)
        world = World(listing(*tiers), listing(*policies), found, config_maps or ConfigMaps())
        result = compiled(replace(world, published=dict(self.published), keys=self.keys))
        assert result is not None
        for key, each in result.policies.items():
            if each.published is not None:
                self.published[key] = each.published
        for key in result.gone:
            del self.published[key]
        self.keys = result.keys
        return result

    def table(self, policy: str = "llm/default") -> RouteTable:
        return RouteTable.model_validate_json(self.published[policy].table)

    def state(self, policy: str = "llm/default") -> State:
        return State.model_validate_json(self.published[policy].state)

    def withdrawn(self, policy: str = "llm/default") -> dict[tuple[str, str | None], str]:
        return {(each.tier, each.model): each.how for each in self.state(policy).withdrawn}


def condition(result: Any, kind: str) -> tuple[str, str]:
    """(status, reason) of one condition of a tier's or policy's result."""
    found = {each.type: each for each in result.verdicts}
    return found[kind].status, found[kind].reason


def message(result: Any, kind: str) -> str:
    return {each.type: each for each in result.verdicts}[kind].message


def published(*tiers: Json, policies: tuple[Json | Entry, ...] = (), **more: Any) -> Turns:
    """Publish a policy, and return the loop that goes on from there."""
    turns = Turns()
    result = turns.turn(tiers or (tier("cheap"), tier("dear")), policies or (policy(),), **more)
    assert NAME in turns.published, message(result.policies[NAME], "Accepted")
    return turns
