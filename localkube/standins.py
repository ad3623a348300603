"""Where there is no node, processes stand in for the proxies' pods; here is how the operator finds them.

An EndpointSlice of the proxies' Service names them by documentation addresses, because it refuses loopback, and the
operator gets a map from those to loopback. So discovery itself, and who counts, stay what they are in a cluster.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from localkube.access import LOOPBACK
from localkube.tools import Tool


@dataclass(frozen=True)
class StandIn:
    """A process for a pod. `number` (1 to 254) makes its address; `admin_port` is on loopback."""

    number: int
    admin_port: int
    serving: bool = True
    terminating: bool = False

    @property
    def name(self) -> str:
        """What the pod would be called."""
        return f"stand-in-{self.number}"

    @property
    def address(self) -> str:
        """Of TEST-NET-1 (RFC 5737): nobody's."""
        return f"192.0.2.{self.number}"


def announce(kubectl: Tool, namespace: str, service: str, stand_ins: Iterable[StandIn]) -> None:
    """Say which stand-ins there are now, instead of what was said before. Raises CommandError."""
    endpoint_slice = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{service}-stand-ins",
            "namespace": namespace,
            "labels": {
                "kubernetes.io/service-name": service,
                "endpointslice.kubernetes.io/managed-by": "stand-ins.tierway.dev",
            },
        },
        "addressType": "IPv4",
        "ports": [{"name": "admin", "port": 9090, "protocol": "TCP"}],
        "endpoints": [_endpoint(stand_in, namespace) for stand_in in stand_ins],
    }
    kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(endpoint_slice))


def address_map(stand_ins: Iterable[StandIn]) -> str:
    """Return the operator's `--proxy-address-map`."""
    return ",".join(f"{stand_in.address}={LOOPBACK}:{stand_in.admin_port}" for stand_in in stand_ins)


def _endpoint(stand_in: StandIn, namespace: str) -> dict[str, object]:
    return {
        "addresses": [stand_in.address],
        "targetRef": {"kind": "Pod", "name": stand_in.name, "namespace": namespace},
        # as in a Service with publishNotReadyAddresses: always ready
        "conditions": {"ready": True, "serving": stand_in.serving, "terminating": stand_in.terminating},
    }
