"""Static keys of callers that have no ServiceAccount: compared in constant time, all of them, whichever matches."""

import hmac
from collections.abc import Mapping
from hashlib import sha256
from typing import Self

from tierway_proxy.core.caller import OTHERS, Caller

SHORTEST = 16
"""Characters. Whoever can guess a key spends somebody's money."""


class StaticKeys:
    """`digests`: the SHA-256 of each key by its caller's name, which is all that is held of them."""

    def __init__(self, digests: Mapping[str, bytes]) -> None:
        self.digests = dict(digests)
        self._callers = [(Caller(name), digest) for name, digest in self.digests.items()]

    @classmethod
    def of(cls, keys: Mapping[str, str]) -> tuple[Self, list[str]]:
        """Take those that are long enough, without the blanks around them, and whose names are no other callers'.

        The names of those that are not taken are told.
        """
        stripped = {name: key.strip() for name, key in keys.items() if name != OTHERS}
        usable = {name: key for name, key in stripped.items() if len(key) >= SHORTEST}
        digests = {name: sha256(key.encode()).digest() for name, key in usable.items()}
        return cls(digests), sorted(keys.keys() - usable.keys())

    def caller(self, fingerprint: bytes) -> Caller | None:
        """Whose key has this SHA-256."""
        found = None
        for caller, digest in self._callers:
            if hmac.compare_digest(digest, fingerprint):
                found = caller
        return found
