"""Which provider keys may go where, under ids that say nothing.

An id is a hash of Secret, key and host, never of the value: a table keeps its bytes when a key is rotated, and
narrowing a Secret's hosts takes the key away from every table that would send it elsewhere, frozen ones too.
"""

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from urllib.parse import urlsplit

from tierway_operator.conditions import (
    HOST_NOT_ALLOWED,
    INVALID_CREDENTIAL,
    KEY_NOT_FOUND,
    READ_FAILED,
    SECRET_NOT_FOUND,
    Problem,
)
from tierway_operator.resources.provider import Provider
from tierway_operator.store import CREDENTIAL_LABEL, HOSTS_ANNOTATION, Secret, Secrets
from tierway_proxy.contract.table import RouteTable


def host_of(url: str) -> str:
    """Return the host of an absolute URL in lower case, without port and brackets."""
    return urlsplit(url).hostname or ""


def credential_id(namespace: str, name: str, key: str, host: str) -> str:
    """Return 32 hex characters that stand for a Secret's key on its way to one host."""
    return sha256(f"{namespace}/{name}/{key}/{host}".encode()).hexdigest()[:32]


def credential_problem(path: str, namespace: str, provider: Provider, secrets: Secrets) -> Problem | None:
    """Return why a provider's key cannot be sent and what to change, or None when it can or none is wanted."""
    wanted = provider.credential_ref
    if wanted is None:
        return None
    secret = next((each for each in secrets.found if (each.namespace, each.name) == (namespace, wanted.name)), None)
    named = f"Secret {namespace}/{wanted.name}"
    if secret is None:
        return _missing(f"{path}.credentialRef", namespace, named, secrets)
    if not secret.data.get(wanted.key, "").strip():
        return Problem(KEY_NOT_FOUND, f"{path}.credentialRef: {named} has no value under {wanted.key!r}; add it.")
    if _sendable(secret.data[wanted.key]) is None:
        message = f"{path}.credentialRef: the value of {wanted.key!r} in {named} is not printable ASCII of one line."
        return Problem(INVALID_CREDENTIAL, message)
    host = host_of(provider.base_url)
    if not _allows(secret, host):
        message = (
            f"{path}: {named} does not let its key go to {host}; add the host to its annotation {HOSTS_ANNOTATION}."
        )
        return Problem(HOST_NOT_ALLOWED, message)
    return None


def _missing(path: str, namespace: str, named: str, secrets: Secrets) -> Problem:
    if namespace in secrets.errors:
        message = f"{path}: Secrets of namespace {namespace} cannot be read: {secrets.errors[namespace]}"
        return Problem(READ_FAILED, message, unknown=True)
    message = f'{path}: there is no {named} with the label {CREDENTIAL_LABEL}: "true"; create it, or label it.'
    return Problem(SECRET_NOT_FOUND, message)


def keys_for(table: RouteTable, tiers: Iterable[str], secrets: Secrets, current: Mapping[str, str]) -> dict[str, str]:
    """Return id -> key for all that the named tiers of a table may send.

    An id is resolved from the table alone, by trying what Secrets there are: so a frozen table, whose tier has since
    moved to another Secret, still gets its key. Where Secrets cannot be read, the `current` key stays.
    """
    found: dict[str, str] = {}
    for tier in tiers:
        namespace = tier.partition("/")[0]
        for provider in table.tiers[tier].providers.values():
            if provider.credential is None:
                continue
            key = _resolved(provider.credential, namespace, host_of(provider.base_url), secrets)
            if key is None and namespace in secrets.errors:
                key = current.get(provider.credential)
            if key is not None:
                found[provider.credential] = key
    return found


def _resolved(wanted: str, namespace: str, host: str, secrets: Secrets) -> str | None:
    for secret in secrets.found:
        if secret.namespace != namespace or not _allows(secret, host):
            continue
        for key, value in secret.data.items():
            if credential_id(namespace, secret.name, key, host) == wanted:
                return _sendable(value)
    return None


def _sendable(value: str) -> str | None:
    """Return the key as it is sent: files end with a newline that nobody meant. None: a header cannot hold it."""
    key = value.strip()
    return key if key and key.isascii() and key.isprintable() else None


def _allows(secret: Secret, host: str) -> bool:
    patterns = list(_patterns(secret))
    return not patterns or any(host.endswith(each[1:]) if each.startswith("*.") else host == each for each in patterns)


def _patterns(secret: Secret) -> Iterator[str]:
    """Yield the hosts of the annotation; one that is there and empty names no host, and so allows none."""
    if HOSTS_ANNOTATION in secret.annotations:
        for part in secret.annotations[HOSTS_ANNOTATION].split(","):
            yield part.strip().lower()
