"""Prometheus metrics of a proxy: a view of the counters behind `/observations`, made when they are asked for.

The request path pays for counting once. Names follow OpenTelemetry's GenAI semantic conventions where those have one
(`gen_ai_*`). Label values come from tables and from closed sets, never from what a caller sent.
"""

from importlib.metadata import version

from prometheus_client import CollectorRegistry, Info, PlatformCollector, ProcessCollector
from prometheus_client.core import Metric

from tierway_proxy.shell.metrics.collector import Metrics
from tierway_proxy.shell.serving import Serving


class Taken:
    """What a registry said at one moment: it can be written down beside the loop, where it takes its time."""

    def __init__(self, of: CollectorRegistry) -> None:
        self._families = list(of.collect())

    def collect(self) -> list[Metric]:
        return self._families


def registry(serving: Serving) -> CollectorRegistry:
    """All that one proxy says: what it counted, its version, and what the operating system knows of its process."""
    found = CollectorRegistry()
    found.register(Metrics(serving))
    ProcessCollector(registry=found)
    PlatformCollector(registry=found)
    build = Info("tierway_build", "The version of this program, as `tierway version` prints it.", registry=found)
    build.info({"version": version("tierway")})
    return found
