"""What an exchange tells the shell to do, in the order given."""

from dataclasses import dataclass

from tierway_proxy.core.catalog import Candidate
from tierway_proxy.core.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Open:
    """Send this body to this candidate; its events are then the exchange's."""

    candidate: Candidate
    body: bytes
    streamed: bool


@dataclass(frozen=True, slots=True)
class Close:
    """Give up the upstream request, if one is open: what is still to come of it is not wanted."""


@dataclass(frozen=True, slots=True)
class Begin:
    """Start the client's answer: a stream of events, or a JSON body."""

    events: bool


@dataclass(frozen=True, slots=True)
class Forward:
    data: bytes


@dataclass(frozen=True, slots=True)
class Finish:
    """The client's answer is complete."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answer with an error; nothing was begun."""

    refusal: Refusal


Command = Open | Close | Begin | Forward | Finish | Refuse
Commands = tuple[Command, ...]

CLOSE = Close()
FINISH = Finish()
