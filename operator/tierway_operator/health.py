"""Whether the operator is alive and current, for the kubelet and for Prometheus.

Alive means that the loop still tries, whether it succeeds or not: else an outage of the API server would become a crash
loop whose back-off outlasts the outage. Current means that a LIST of both kinds succeeded lately.
"""

from collections.abc import Callable
from importlib.metadata import version
from time import monotonic

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Info, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

STALLED_SECONDS = 150.0
"""The loop lists at least once a minute."""
OUTDATED_SECONDS = 150.0


class Health:
    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._tried_at = clock()
        self._listed_at: float | None = None
        self.registry = CollectorRegistry()
        build = Info(
            "tierway_build", "The version of this program, as `tierway version` prints it.", registry=self.registry
        )
        build.info({"version": version("tierway")})
        self._refused = Counter(
            "tierway_operator_refused_status_writes",
            "Statuses that the API server's schema refused: a fault of this operator.",
            registry=self.registry,
        )
        self._elsewhere = Gauge(
            "tierway_operator_claimed_elsewhere_namespaces",
            "Namespaces that this release is to serve and leaves alone, because another release holds them.",
            registry=self.registry,
        )
        age = Gauge(
            "tierway_operator_last_list_age_seconds",
            "Time since both kinds were last listed; since the start when they never were.",
            registry=self.registry,
        )
        started_at = clock()
        age.set_function(lambda: clock() - (started_at if self._listed_at is None else self._listed_at))

    def tried(self) -> None:
        self._tried_at = self._clock()

    def listed(self) -> None:
        self._listed_at = self._clock()

    def status_refused(self) -> None:
        self._refused.inc()

    def claimed_elsewhere(self, namespaces: int) -> None:
        self._elsewhere.set(namespaces)

    @property
    def alive(self) -> bool:
        return self._clock() - self._tried_at < STALLED_SECONDS

    @property
    def current(self) -> bool:
        return self._listed_at is not None and self._clock() - self._listed_at < OUTDATED_SECONDS


def application(health: Health) -> web.Application:
    """Serve /healthz, /readyz and /metrics."""

    async def healthz(_: web.Request) -> web.Response:
        return _answer(good=health.alive, bad="the loop has stopped trying to list")

    async def readyz(_: web.Request) -> web.Response:
        return _answer(good=health.current, bad="both kinds could not be listed lately")

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(health.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    return app


def _answer(*, good: bool, bad: str) -> web.Response:
    return web.Response(text="ok" if good else bad, status=200 if good else 503)
