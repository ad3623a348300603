"""The file that is applied: a ConfigMap that never changes, named for what is in it.

A new model has a new name, so a policy goes over to it by an edit of its own, and back the same way.
"""

import re
from dataclasses import dataclass

from tierway_cli.own_model.boundaries import Drawn
from tierway_cli.own_model.errors import BadInputError
from tierway_operator.resources.common import LABEL_PATTERN, NAME_PATTERN
from tierway_operator.store import MODEL_LABEL
from tierway_proxy.contract.base import canonical, digest
from tierway_proxy.contract.own_model import KEY, OwnModel

_LONGEST = 253
_HASH = 8


@dataclass(frozen=True, slots=True)
class Policy:
    namespace: str
    name: str


def policy_of(text: str) -> Policy:
    """Read NAMESPACE/NAME."""
    namespace, _, name = text.partition("/")
    if not (re.fullmatch(LABEL_PATTERN, namespace) and re.fullmatch(NAME_PATTERN, name)):
        raise BadInputError(f"--policy {text}: expected NAMESPACE/NAME, as Kubernetes writes both.")
    return Policy(namespace, name)


def name_of(policy: Policy, model: OwnModel) -> str:
    """Name a model by its policy and its content."""
    return f"{policy.name[: _LONGEST - _HASH - 1]}-{digest(canonical(model))[:_HASH]}"


def config_map(policy: Policy, model: OwnModel) -> str:
    """Write the ConfigMap as YAML, the same bytes for the same model."""
    return f"""\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {name_of(policy, model)}
  namespace: {policy.namespace}
  labels:
    {MODEL_LABEL}: "true"
immutable: true
data:
  {KEY}: |-
    {canonical(model)}
"""


def spec_lines(policy: Policy, model: OwnModel, drawn: Drawn | None) -> str:
    """Write what to put into the policy. Drawn lines were measured as they are: no request is promoted beyond them."""
    lines = f"""\
spec:
  classifier:
    modelRef:
      name: {name_of(policy, model)}
"""
    if drawn is None:
        return lines
    return f"""\
{lines}\
    boundaries:
      moderatePercent: {drawn.moderate_percent}
      complexPercent: {drawn.complex_percent}
    onUncertain: AsClassified
"""
