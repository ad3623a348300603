"""A policy's own model of difficulty, from the ConfigMap that its spec names, or the one sentence on what to change.

Nothing of a model is repaired or guessed: it is embedded whole into the policy's table, or not at all.
"""

from collections.abc import Mapping

from pydantic import ValidationError

from tierway_operator.conditions import MODEL_NOT_FOUND, MODEL_OUTDATED, MODEL_UNUSABLE, READ_FAILED, Problem
from tierway_operator.resources import RoutingPolicy
from tierway_operator.store import MODEL_LABEL, ConfigMaps
from tierway_proxy.contract.own_model import GENERAL, KEY, MAX_BYTES, OwnModel

_PATH = "spec.classifier.modelRef"


def model_name(policy: RoutingPolicy) -> str | None:
    """Return the name of the ConfigMap that a policy's model is in; None when it has no model of its own."""
    wanted = policy.spec.classifier and policy.spec.classifier.model_ref
    return wanted.name if wanted else None


def own_model(policy: RoutingPolicy, maps: ConfigMaps) -> OwnModel | Problem | None:
    """Return the model that a policy names, or why it cannot be used; None when it names none."""
    name = model_name(policy)
    if name is None:
        return None
    key = (policy.metadata.namespace, name)
    named = f"ConfigMap {key[0]}/{name}"
    missing = _missing(key, named, maps)
    if missing is not None:
        return missing
    found = model_in(maps.data[key])
    return found if isinstance(found, OwnModel) else Problem(found.reason, f"{_PATH}: {named}: {found.message}")


def model_in(data: Mapping[str, str]) -> OwnModel | Problem:
    """Return the model in a ConfigMap's data, or why it cannot be used."""
    text = data.get(KEY, "")
    size = len(text.encode("utf-8", "surrogatepass"))
    if not text.strip():
        return Problem(MODEL_UNUSABLE, f"it has no value under {KEY!r}; write what tierway calibrate made into it.")
    if size > MAX_BYTES:
        message = f"{KEY} has {size} bytes, at most {MAX_BYTES} are read; write what tierway calibrate made into it."
        return Problem(MODEL_UNUSABLE, message)
    try:
        model = OwnModel.model_validate_json(text)
    except ValidationError as error:
        again = "run tierway calibrate again with this release"
        return Problem(MODEL_UNUSABLE, f"{KEY} is no model that this release reads ({_flaw(error)}); {again}.")
    if model.over != GENERAL:
        message = (
            f"it was made over the general weights {model.over[:40]!r}, and those of this release are {GENERAL!r};"
            f" run tierway calibrate again with this release."
        )
        return Problem(MODEL_OUTDATED, message)
    return model


def _missing(key: tuple[str, str], named: str, maps: ConfigMaps) -> Problem | None:
    if key in maps.errors:
        return Problem(READ_FAILED, f"{_PATH}: {named} cannot be read: {maps.errors[key]}", unknown=True)
    if key not in maps.data:
        message = f"{_PATH}: there is no {named}; create it with tierway calibrate, or name another."
        return Problem(MODEL_NOT_FOUND, message)
    if key not in maps.models:
        return Problem(MODEL_NOT_FOUND, f'{_PATH}: {named} lacks the label {MODEL_LABEL}: "true"; add it.')
    return None


def _flaw(error: ValidationError) -> str:
    """Return the first flaw, without what stands there: of a ConfigMap named by mistake that may be anything."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(map(str, first["loc"]))
    return f"{place[:80]}: {first['msg']}" if place else first["msg"]
