"""What an exchange says is carried out in its order, at the pace of its client."""

import pytest

from tierway_proxy.core.commands import FINISH, Begin, Forward
from tierway_proxy.core.exchange import Phase
from tierway_proxy.shell.relay import ClientGoneError, Relay


class Exchange:
    """Says the same whatever happens, and is over when it is told that the deadline has passed."""

    def __init__(self, *commands):
        self._commands = commands
        self.phase, self.deadline, self.left = Phase.PAUSED, 0.0, 0

    def start(self, _):
        return self._commands

    def tick(self, _):
        self.phase, self.deadline = Phase.OVER, None
        return (FINISH,)

    def client_left(self, _):
        self.left += 1


class Client:
    """`full` after these; `said` is what reached it."""

    def __init__(self, *full, gone=False):
        self._full, self._gone = full, gone
        self.said = []

    def begin(self, _, *, events):
        self.said.append("begin" if events else "begin json")

    def forward(self, data):
        self.said.append(data)
        if self._gone:
            raise ClientGoneError
        return data in self._full

    async def room(self):
        self.said.append("room")

    def finish(self):
        self.said.append("finish")


@pytest.mark.parametrize("full", [b"one", b"two"])
async def test_a_client_that_is_full_is_waited_for(full):
    """Whichever of several pieces filled it, and before anything else happens."""
    client = Client(full)
    exchange = Exchange(Begin(events=True), Forward(b"one"), Forward(b"two"))
    await Relay(exchange, client, lambda _: None).run()
    assert client.said == ["begin", b"one", b"two", "room", "finish"]


async def test_a_client_that_keeps_up_is_not_waited_for():
    """There is room."""
    client = Client()
    await Relay(Exchange(Begin(events=True), Forward(b"one")), client, lambda _: None).run()
    assert client.said == ["begin", b"one", "finish"]


async def test_a_client_that_is_gone_is_told_to_the_exchange():
    """So that what was used is charged; and to whoever runs it."""
    client = Client(gone=True)
    exchange = Exchange(Begin(events=True), Forward(b"one"), Forward(b"two"))
    with pytest.raises(ClientGoneError):
        await Relay(exchange, client, lambda _: None).run()
    assert (client.said, exchange.left) == (["begin", b"one"], 1)
