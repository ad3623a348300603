"""The one link between a node and this machine: a veth pair, with addresses that no other cluster has.

A number makes the addresses. It is claimed by a name that only one process of the machine can have (an abstract
socket's), which is free again when that process ends, however it ends; the link itself goes with the node's namespace.
"""

import ipaddress
import json
import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

from localkube import machine
from localkube.errors import UnavailableError
from localkube.space import Space, run

LINKS = ipaddress.IPv4Network("10.213.0.0/16")
PODS = ipaddress.IPv4Network("10.214.0.0/16")
NUMBERS = range(1, 255)
INSIDE = "machine"
CLAIM = "\0localkube/wire/{}"


@dataclass(frozen=True)
class Wire:
    """`host` is this machine's address, `node` the node's; pods have those of `pods`."""

    number: int

    @classmethod
    @contextmanager
    def claimed(cls) -> Iterator[Self]:
        """Give one whose addresses nobody has, for as long as the block lasts. Raises UnavailableError."""
        taken = _routes()
        for number in random.SystemRandom().sample(NUMBERS, len(NUMBERS)):
            wire = cls(number)
            if any(wire.link.overlaps(route) or wire.pods.overlaps(route) for route in taken):
                continue
            with socket.socket(socket.AF_UNIX) as claim:
                try:
                    claim.bind(CLAIM.format(number))
                except OSError:
                    continue
                yield wire
                return
        raise UnavailableError(f"all of {LINKS} and {PODS} is in use on this machine: a node needs addresses there")

    @property
    def link(self) -> ipaddress.IPv4Network:
        return ipaddress.IPv4Network((int(LINKS.network_address) + 256 * self.number, 30))

    @property
    def host(self) -> str:
        return str(self.link[1])

    @property
    def node(self) -> str:
        return str(self.link[2])

    @property
    def pods(self) -> ipaddress.IPv4Network:
        return ipaddress.IPv4Network((int(PODS.network_address) + 256 * self.number, 24))

    @property
    def name(self) -> str:
        """What the interface is called on this machine."""
        return f"localkube-{self.number}"

    def tie(self, space: Space) -> None:
        """Tie it to a node's namespaces; this machine reaches the pods, too. Raises CommandError."""
        outside = [
            f"link add {self.name} type veth peer name {INSIDE} netns {space.holder}",
            f"address add {self.host}/{self.link.prefixlen} dev {self.name}",
            f"link set {self.name} up",
            f"route add {self.pods} via {self.node}",
        ]
        inside = [
            f"address add {self.node}/{self.link.prefixlen} dev {INSIDE}",
            f"link set {INSIDE} up",
            f"route add default via {self.host}",
        ]
        for words in outside:
            run(machine.found("ip"), *words.split())
        for words in inside:
            space.run(machine.found("ip"), *words.split())


def _routes() -> list[ipaddress.IPv4Network]:
    destinations = [route["dst"] for route in json.loads(run(machine.found("ip"), "-json", "-4", "route"))]
    return [ipaddress.IPv4Network(destination) for destination in destinations if destination != "default"]
