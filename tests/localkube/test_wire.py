"""Several clusters on one machine: no two have the same addresses, nor any that the machine uses itself."""

import sys
from collections.abc import Iterable
from contextlib import ExitStack
from ipaddress import IPv4Network

import pytest

from localkube import UnavailableError, wire
from localkube.wire import NUMBERS, Wire

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a node is a matter of Linux")


@pytest.fixture(autouse=True)
def own_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clusters that run on this machine at the moment are not these tests' concern."""
    monkeypatch.setattr(wire, "CLAIM", "\0localkube/test/{}")


def test_no_two_have_the_same_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that there are can be claimed at once, each with a node and pods of its own; one more is refused."""
    _routes(monkeypatch)
    with ExitStack() as stack:
        claimed = [stack.enter_context(Wire.claimed()) for _ in NUMBERS]
        networks = [network for each in claimed for network in (each.link, each.pods)]
        assert len(set(networks)) == 2 * len(NUMBERS)
        assert all(IPv4Network(each.host).subnet_of(each.link) for each in claimed)
        assert all(each.node != each.host for each in claimed)
        with pytest.raises(UnavailableError, match="in use on this machine"):
            stack.enter_context(Wire.claimed())


def test_what_ended_is_free_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A claim lasts as long as its block."""
    _routes(monkeypatch)
    monkeypatch.setattr(wire, "NUMBERS", range(7, 8))
    for _ in range(2):
        with Wire.claimed() as only:
            assert (only.host, only.node, str(only.pods)) == ("10.213.7.1", "10.213.7.2", "10.214.7.0/24")


@pytest.mark.parametrize("route", ["10.213.7.0/24", "10.214.7.128/25", "10.213.7.2/32", "10.208.0.0/12"])
def test_addresses_that_the_machine_has_a_way_to_are_left_alone(monkeypatch: pytest.MonkeyPatch, route: str) -> None:
    """Whatever part of them: a company's network may be there."""
    _routes(monkeypatch, [IPv4Network(route)])
    monkeypatch.setattr(wire, "NUMBERS", range(7, 8))
    with pytest.raises(UnavailableError), Wire.claimed():
        pytest.fail("they are in use")


def _routes(monkeypatch: pytest.MonkeyPatch, routes: Iterable[IPv4Network] = ()) -> None:
    monkeypatch.setattr(wire, "_routes", lambda: list(routes))
