"""Both kinds, `ModelTier` and `RoutingPolicy`, as pydantic models.

One source for the CustomResourceDefinitions that users apply, for the objects that the compiler reads, and for the
statuses that the operator writes.

Nothing here decides anything: no defaults that may change (`defaults`), no references to other objects, no input or
output.
"""

from tierway_operator.resources.common import API_VERSION, GROUP, VERSION
from tierway_operator.resources.modeltier import ModelTier
from tierway_operator.resources.routingpolicy import RoutingPolicy

__all__ = ["API_VERSION", "GROUP", "VERSION", "ModelTier", "RoutingPolicy"]
