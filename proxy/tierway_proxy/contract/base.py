"""What all contract messages share: immutability, strictness, and one canonical form that can be hashed."""

import hashlib
import json
from typing import Literal

from pydantic import BaseModel, ConfigDict

VERSION = 1
READS = (1,)

RequestClass = Literal["Simple", "Moderate", "Complex"]
CLASSES: tuple[RequestClass, ...] = ("Simple", "Moderate", "Complex")


class Message(BaseModel):
    """An immutable part of the contract; a field it does not know makes it invalid."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def canonical(message: Message) -> str:
    """The one JSON text of a message: sorted keys, no spaces, non-ASCII as it is."""
    return json.dumps(message.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(text: str) -> str:
    """SHA-256 of a canonical text, in hex (64 characters)."""
    return hashlib.sha256(text.encode()).hexdigest()
