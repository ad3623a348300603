"""Prometheus metrics of a proxy: a view of the counters behind `/observations`, made when they are asked for.

The request path pays for counting once. Names follow OpenTelemetry's GenAI semantic conventions where those have one
(`gen_ai_*`). Label values come from tables and from closed sets, never from what a caller sent.
"""

from importlib.metadata import version

from prometheus_client import CollectorRegistry, Info, PlatformCollector, ProcessCollector

from tierway_proxy.shell.metrics.collector import Metrics
from tierway_proxy.shell.serving import Serving


def registry(serving: Serving) -> CollectorRegistry:
    """All that one proxy says: what it counted, its version, and what the operating system knows of its process."""
    found = CollectorRegistry()
    found.register(Metrics(serving))
    ProcessCollector(registry=found)
    PlatformCollector(registry=found)
    build = Info("tierway_build", "The version of this program, as `tierway version` prints it.", registry=found)
    build.info({"version": version("tierway")})
    return found
