"""kopf's part: it says that an object of ours changed. The only module that imports kopf.

Its handlers write nothing: no finalizer, no annotation, no patch. What they are told may be stale or doubled, so it is
taken for a hint and never for a fact.
"""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping
from typing import Any

import kopf

from tierway_operator.cluster.connection import configuration, session

Saw = Callable[[str | None, Mapping[str, Any]], None]
"""Told of each event: its type (None: it was there when the watch began) and the object."""
# For peering, which is off: without it kopf asks for the user's name, and the number that a pod runs as may have none.
_NOBODY_IN_PARTICULAR: Any = "tierway"


_ENDING_SECONDS = 5.0
"""How long kopf may take for the rest of its end; after a failure it hangs where a watch swallows its cancellation."""


class HungError(Exception):
    """kopf began to end and does not come to it."""


def registry(saw: Saw, life: Callable[[], Coroutine[Any, Any, None]]) -> kopf.OperatorRegistry:
    """`life`: begun when kopf begins, and cancelled by it with all that it finds when it ends."""
    handlers, kept = kopf.OperatorRegistry(), set[asyncio.Task[None]]()

    @kopf.on.startup(registry=handlers)
    async def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
        settings.scanning.disabled = True  # else it needs the right to watch all CRDs and namespaces
        settings.peering.standalone = True
        settings.posting.enabled = False
        # then it gives up and is started again: its own patience would leave edits unseen for 21 s after an outage
        settings.networking.error_backoffs = (0.5, 1, 2)
        settings.watching.connect_timeout = 10
        settings.watching.server_timeout = 300
        settings.watching.inactivity_timeout = 70  # the end of a watch that hangs
        settings.process.ultimate_exiting_timeout = None  # else it kills us ten minutes after an end that hangs
        kept.add(asyncio.create_task(life()))

    @kopf.on.login(registry=handlers)
    async def login(**_: Any) -> kopf.AiohttpSession:
        found = await configuration()
        return kopf.AiohttpSession(server=found.host, aiohttp_session=session(found))

    @kopf.on.event("tierway.dev", "v1alpha1", "modeltiers", registry=handlers)
    @kopf.on.event("tierway.dev", "v1alpha1", "routingpolicies", registry=handlers)
    async def seen(type: str | None, body: kopf.Body, **_: Any) -> None:  # noqa: A002  # kopf's name for it
        saw(type, body)

    return handlers


async def watch(saw: Saw, namespaces: Collection[str], stop: asyncio.Event) -> None:
    """Run kopf until `stop`; ends or raises earlier when kopf gives up (403, lasting 5xx), also where it hangs then.

    A single namespace is watched with a Role; for none or several all are, and whoever is told picks.
    """
    single = list(namespaces) if len(namespaces) == 1 else []
    ending = asyncio.Event()

    async def life() -> None:
        try:
            await stop.wait()
        finally:
            ending.set()

    ended = asyncio.create_task(ending.wait())
    running = asyncio.create_task(
        kopf.operator(
            registry=registry(saw, life),
            identity=_NOBODY_IN_PARTICULAR,
            standalone=True,
            clusterwide=not single,
            namespaces=single,
            stop_flag=stop,
        )
    )
    try:
        await asyncio.wait({running, ended}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({running}, timeout=_ENDING_SECONDS)
        if not running.done():
            raise HungError("kopf gave up and does not end")
        await running
    finally:
        ended.cancel()
        running.cancel()
