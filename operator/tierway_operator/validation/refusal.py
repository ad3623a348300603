"""Why a document is refused: the field, as the API server writes paths, and a sentence."""

from collections.abc import Iterable
from dataclasses import dataclass

Path = tuple[str | int, ...]


@dataclass(frozen=True, order=True)
class Refusal:
    """`blocking`: CEL rules are not asked while such a refusal stands, because they rely on types and bounds."""

    field: str
    message: str
    blocking: bool = True

    def __str__(self) -> str:
        """What is wrong, and where, once: of an unknown field the API server's own words name it."""
        return self.message if self.message.startswith("unknown field") else f"{self.field}: {self.message}"


def written(path: Iterable[str | int]) -> str:
    """Return a path as the API server writes it: ``spec.routes[0].candidates``."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")
