"""Who sent a request, as rules, pins, logs and metrics name it."""

from collections.abc import Collection
from typing import NamedTuple

OTHERS = "other"
"""All who have no name of their own in metrics. Nobody is called so: ServiceAccounts have a slash, no key is taken."""

_SERVICE_ACCOUNT = "system:serviceaccount:"


class Caller(NamedTuple):
    """A ServiceAccount, `name` being `namespace/name`; or a static key by its name, with no namespace."""

    name: str
    namespace: str | None = None

    def among(self, callers: Collection[str], namespaces: Collection[str]) -> bool:
        """Whether one list or the other has this one."""
        return self.name in callers or self.namespace in namespaces


def of_user(name: str) -> Caller | None:
    """Read the user name of a TokenReview; None when it is no ServiceAccount's."""
    namespace, _, account = name.removeprefix(_SERVICE_ACCOUNT).partition(":")
    if not (name.startswith(_SERVICE_ACCOUNT) and namespace and account):
        return None
    return Caller(f"{namespace}/{account}", namespace)
