"""The node that the other tests stand on does what a cluster's does, and leaves nothing."""

import pytest

from localkube import Cluster

pytestmark = pytest.mark.e2e


def test_the_node_is_ready(cluster: Cluster) -> None:
    """Pods may come."""
    said = cluster.kubectl("get", "nodes", "--no-headers")
    assert said.split()[:2] == ["node-1", "Ready"]
