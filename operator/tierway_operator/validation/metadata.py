"""The part of `metadata` that the API server validates by itself, whatever the kind, as a schema of the same sort."""

from collections.abc import Mapping
from typing import Any

from tierway_operator.resources.common import LABEL_PATTERN, NAME_PATTERN

_TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
_ANY: Mapping[str, Any] = {}

METADATA: Mapping[str, Any] = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "pattern": NAME_PATTERN, "maxLength": 253},
        "namespace": {"type": "string", "pattern": LABEL_PATTERN, "maxLength": 63},
        "labels": _TEXTS,
        "annotations": _TEXTS,
        "uid": {"type": "string"},
        "resourceVersion": {"type": "string"},
        "generation": {"type": "integer"},
        "generateName": _ANY,
        "creationTimestamp": _ANY,
        "deletionTimestamp": _ANY,
        "deletionGracePeriodSeconds": _ANY,
        "finalizers": _ANY,
        "managedFields": _ANY,
        "ownerReferences": _ANY,
        "selfLink": _ANY,
    },
}
