"""Whom the operator asks and counts, read from EndpointSlices."""

import pytest

from tierway_operator.cluster.addresses import proxies


def endpoint(address, name=None, **conditions):
    found = {"addresses": [address], "conditions": conditions}
    return found | ({"targetRef": {"kind": "Pod", "name": name}} if name else {})


def part(*endpoints, kind="IPv4", port=9090):
    return {"addressType": kind, "ports": [{"name": "admin", "port": port}], "endpoints": list(endpoints)}


def test_each_pod_is_named_and_asked_at_its_address_and_port():
    """The name is for people: it stands in messages about stragglers."""
    (proxy,) = proxies([part(endpoint("10.0.0.7", "tw-proxy-x", serving=True), port=9191)], {})
    assert (proxy.name, proxy.admin_url) == ("tw-proxy-x", "http://10.0.0.7:9191")


@pytest.mark.parametrize(
    ("conditions", "serving", "terminating"),
    [
        ({"ready": True, "serving": False, "terminating": False}, False, False),
        ({"ready": True, "serving": True, "terminating": True}, True, True),
        ({}, True, False),
        ({"ready": False}, False, False),
        ({"serving": None, "ready": None, "terminating": None}, True, False),
    ],
)
def test_readiness_is_serving_because_ready_is_always_true_here(conditions, serving, terminating):
    """With publishNotReadyAddresses `ready` says nothing; what is not said has the API's own default."""
    (proxy,) = proxies([part(endpoint("10.0.0.7", "a", **conditions))], {})
    assert (proxy.serving, proxy.terminating) == (serving, terminating)


def test_a_pod_of_two_address_families_is_asked_once():
    """Else each request that it served would count twice."""
    slices = [part(endpoint("fd00::7", "a"), kind="IPv6"), part(endpoint("10.0.0.7", "a"))]
    assert [proxy.admin_url for proxy in proxies(slices, {})] == ["http://10.0.0.7:9090"]


def test_an_ipv6_address_is_written_as_urls_want_it():
    """In brackets."""
    (proxy,) = proxies([part(endpoint("fd00::7", "a"), kind="IPv6")], {})
    assert proxy.admin_url == "http://[fd00::7]:9090"


def test_a_slice_without_endpoints_is_nobody():
    """As the controller writes it while all pods are pending: endpoints and ports are null."""
    assert proxies([{"addressType": "IPv4", "endpoints": None, "ports": None}], {}) == ()


def test_a_mapped_address_is_asked_where_the_map_says():
    """Where processes stand in for pods."""
    (proxy,) = proxies([part(endpoint("192.0.2.1", "a"))], {"192.0.2.1": "127.0.0.1:5000"})
    assert proxy.admin_url == "http://127.0.0.1:5000"
