"""A log line when a breaker opens or closes: who is tried last from now on, why, and for how long."""

import logging
from time import monotonic

from tierway_proxy.core.catalog import place
from tierway_proxy.core.health import FAILURES_TO_OPEN, Breaker

logger = logging.getLogger(__name__)


def log(breaker: Breaker) -> None:
    namespace, tier, model, provider = place(breaker.key)
    endpoint = {"tier": f"{namespace}/{tier}", "model": model, "provider": provider}
    if breaker.is_open:
        last = {"reason": breaker.reason, "status": breaker.status}
        extra = {**endpoint, "failures": FAILURES_TO_OPEN, **last, "seconds": breaker.seconds}
        logger.warning("breaker opened: tried last, and by one request when the time has passed", extra=extra)
    else:
        open_for = round(monotonic() - breaker.opened_at, 1)
        logger.info("breaker closed: it answered", extra={**endpoint, "open_seconds": open_for})
