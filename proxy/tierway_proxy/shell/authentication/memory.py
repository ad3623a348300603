"""Whom an earlier process of this pod believed, on the disk that a restarted container finds: digests, never a key.

A restart while the API server is away would else turn away everybody who was served until then.
"""

import logging
from collections.abc import Mapping
from pathlib import Path

import orjson
from pydantic import BaseModel, ValidationError

from tierway_proxy.core.caller import Caller
from tierway_proxy.core.verdicts import Good
from tierway_proxy.shell.keeper import write

logger = logging.getLogger(__name__)


class _Believed(BaseModel):
    caller: str
    namespace: str | None
    expires_at: float


class _File(BaseModel):
    """Both by SHA-256 in hex: of a token, of a static key under its caller's name."""

    tokens: dict[str, _Believed]
    keys: dict[str, str]


class Memory:
    def __init__(self, directory: Path) -> None:
        self._file = directory / "callers.json"

    def keep(self, lasting: Mapping[bytes, Good], digests: Mapping[str, bytes]) -> None:
        # in plain dicts: models of ten thousand callers would hold up the event loop beside this for 25 ms
        tokens = {fingerprint.hex(): _believed(good) for fingerprint, good in lasting.items()}
        keys = {name: digest.hex() for name, digest in digests.items()}
        write(self._file, orjson.dumps({"tokens": tokens, "keys": keys}).decode())

    def recall(self) -> tuple[dict[bytes, Good], dict[str, bytes]]:
        """Good verdicts by fingerprint, digests of static keys by name; nothing of a file that cannot be read."""
        try:
            found = _File.model_validate_json(self._file.read_bytes())
            return (
                {bytes.fromhex(each): _good(believed) for each, believed in found.tokens.items()},
                {name: bytes.fromhex(digest) for name, digest in found.keys.items()},
            )
        except FileNotFoundError:
            return {}, {}
        except (OSError, ValidationError, ValueError):
            logger.warning("the kept callers cannot be read", extra={"file": str(self._file)})
            return {}, {}


def _believed(good: Good) -> dict[str, str | float | None]:
    return {"caller": good.caller.name, "namespace": good.caller.namespace, "expires_at": good.expires_at}


def _good(believed: _Believed) -> Good:
    return Good(Caller(believed.caller, believed.namespace), 0.0, believed.expires_at)
