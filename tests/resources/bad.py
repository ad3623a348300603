"""An object that both stores refuse, with the field to blame and a piece of the reason."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.resources.documents import policy, tier


@dataclass(frozen=True)
class Bad:
    """`rule`: a CEL rule refuses it, and the whole sentence is the same in a folder and in a cluster.

    Otherwise the schema refuses it, and the words are our own.
    """

    what: str
    document: Mapping[str, Any]
    field: str
    reason: str
    rule: bool = False


def bad_tier(what: str, path: str, value: Any, reason: str, field: str | None = None, *, rule: bool = False) -> Bad:
    return Bad(what, tier({path: value}), field or path, reason, rule)


def bad_policy(what: str, path: str, value: Any, reason: str, field: str | None = None, *, rule: bool = False) -> Bad:
    return Bad(what, policy({path: value}), field or path, reason, rule)
