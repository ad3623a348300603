"""EndpointSlices of the proxies' headless Service -> whom to ask, and whom to count."""

from collections.abc import Iterable, Mapping
from typing import Any

from tierway_operator.store import Proxy

ADMIN_PORT = 9090


def proxies(slices: Iterable[Mapping[str, Any]], address_map: Mapping[str, str]) -> tuple[Proxy, ...]:
    """Return each pod once, by name, an IPv4 address before others.

    `address_map`: address -> host:port, where processes stand in for pods (an EndpointSlice refuses loopback).
    """
    found: dict[str, Proxy] = {}
    for part in sorted(slices, key=lambda part: str(part.get("addressType"))):  # FQDN, IPv4, IPv6
        port = _port(part)
        for endpoint in part.get("endpoints") or ():
            address = endpoint["addresses"][0]
            name = (endpoint.get("targetRef") or {}).get("name") or address
            conditions = endpoint.get("conditions") or {}
            proxy = Proxy(
                name=name,
                admin_url="http://" + (address_map.get(address) or _host(address, port)),
                # by the API's own words: not said means ready, and ready means serving
                serving=_said(conditions, "serving", _said(conditions, "ready", default=True)),
                terminating=_said(conditions, "terminating", default=False),
            )
            found.setdefault(name, proxy)
    return tuple(found.values())


def _said(conditions: Mapping[str, Any], name: str, default: bool) -> bool:  # noqa: FBT001  # a condition's value
    value = conditions.get(name)
    return default if value is None else bool(value)


def _port(part: Mapping[str, Any]) -> int:
    for port in part.get("ports") or ():
        if port.get("port"):
            return int(port["port"])
    return ADMIN_PORT


def _host(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
