"""What an exchange tells the shell to do, in the order given."""

from typing import NamedTuple

from tierway_proxy.core.catalog import Candidate
from tierway_proxy.core.refusal import Refusal


class Open(NamedTuple):
    """Send this body to this candidate; its events are then the exchange's."""

    candidate: Candidate
    body: bytes
    streamed: bool


class Close(NamedTuple):
    """Give up the upstream request, if one is open: what is still to come of it is not wanted."""


class Begin(NamedTuple):
    """Start the client's answer: a stream of events, or a JSON body."""

    events: bool


class Forward(NamedTuple):
    data: bytes


class Finish(NamedTuple):
    """The client's answer is complete."""


class Refuse(NamedTuple):
    """Answer with an error; nothing was begun."""

    refusal: Refusal


Command = Open | Close | Begin | Forward | Finish | Refuse
Commands = tuple[Command, ...]

CLOSE = Close()
FINISH = Finish()
