"""What a caller presents, read without belief: nothing here lets anybody in.

What can be seen to be useless is refused without asking the API server about it: no token, one that is too long, one
that is over, one that was made for others. Whether the rest is genuine only the API server knows.
"""

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, NamedTuple

LONGEST = 8_000
"""Characters; a ServiceAccount's token has about a thousand, and a header of more than 8190 bytes is no HTTP here."""

_LATEST = 1e11
"""A stranger's number may be larger than any float, or smaller, or none."""

_JWT = re.compile(r"[\w-]+\.([\w-]+)\.[\w-]+", re.ASCII)
"""And nothing more: the API server reads to the first blank, so that a good token could be had in any number."""


class Useless(NamedTuple):
    """`why`: a sentence for the caller."""

    why: str


class Claims(NamedTuple):
    """What a token says of itself: for whom it was made, and until when (seconds since the epoch; None: no end)."""

    audiences: tuple[str, ...]
    expires_at: float | None


def presented(values: Sequence[str]) -> str | Useless:
    """The token of a request's Authorization headers."""
    if not values:
        return Useless("This request carries no API key.")
    if len(values) > 1:
        return Useless("This request carries several Authorization headers.")
    scheme, _, token = values[0].strip().partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        return Useless("The Authorization header is not of the form 'Bearer TOKEN'.")
    if len(token) > LONGEST:
        return Useless(f"This API key is longer than {LONGEST} characters.")
    return token


def fingerprint(token: str) -> bytes:
    """Under what a token is remembered, in memory and on disk: its SHA-256, never itself."""
    return sha256(token.encode(errors="surrogateescape")).digest()


def claims(token: str) -> Claims | None:
    """Read a JSON Web Token; None for anything else."""
    matched = _JWT.fullmatch(token)
    if matched is None:
        return None
    payload = matched[1]
    try:
        said = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return _claims(said) if isinstance(said, dict) else None
    except (ValueError, RecursionError):
        return None


def useless(said: Claims | None, audience: str, now: float) -> Useless | None:
    """Why the API server need not be asked about a token of this kind."""
    if said is None:
        return Useless("This API key is neither a ServiceAccount token nor a key that is known here.")
    if said.audiences and audience not in said.audiences:
        made_for = ", ".join(said.audiences)[:200]
        return Useless(f"This token was made for {made_for!r} and not for {audience!r}.")
    if said.expires_at is not None and said.expires_at <= now:
        return Useless("This token has expired.")
    return None


def _claims(said: dict[str, Any]) -> Claims:
    audiences = said.get("aud", ())
    named = [audiences] if isinstance(audiences, str) else audiences if isinstance(audiences, list) else []
    return Claims(tuple(str(each) for each in named), _ends(said.get("exp")))


def _ends(expires_at: Any) -> float | None:
    is_number = isinstance(expires_at, int | float) and not isinstance(expires_at, bool)
    return float(max(0, min(expires_at, _LATEST))) if is_number else None
