"""Which model of difficulty a policy has, and from where on it takes a request for more than Simple."""

from typing import NamedTuple

from tierway_proxy.contract.own_model import GENERAL
from tierway_proxy.contract.table import Classifier
from tierway_proxy.core.classify import BOUNDARIES


class Boundaries(NamedTuple):
    """Least probabilities, and the preset that they are of; None: the policy's own."""

    moderate: float
    complex: float
    preset: str | None


def boundaries(options: Classifier) -> Boundaries:
    own = options.boundaries
    if own is None:
        return Boundaries(*BOUNDARIES[options.preset], options.preset)
    return Boundaries(own.moderate_percent / 100, own.complex_percent / 100, None)


def model_name(options: Classifier) -> str:
    """Return `general`, or the name of the ConfigMap that the policy's own model is in."""
    return "general" if options.model is None else options.model_name or "own"


def weights(options: Classifier) -> str:
    """Return which weights the model is, or was fitted over."""
    return GENERAL if options.model is None else options.model.over
