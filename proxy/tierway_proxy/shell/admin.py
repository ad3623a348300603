"""The admin port: health and metrics for anybody, observations for whoever holds the release's token."""

import asyncio
import hmac

from aiohttp import web
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from tierway_proxy.contract.base import VERSION
from tierway_proxy.core.refusal import Refusal
from tierway_proxy.shell.answer import SERVER, refusal_response
from tierway_proxy.shell.metrics import Taken, registry
from tierway_proxy.shell.serving import Serving


class Admin:
    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._registry = registry(serving)

    def application(self) -> web.Application:
        app = web.Application()
        app.on_response_prepare.append(_named)
        app.router.add_get("/healthz", self._alive)
        app.router.add_get("/readyz", self._ready)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/observations", self._observations)
        app.router.add_post("/observations/ack", self._acknowledge)
        return app

    async def _alive(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _ready(self, _: web.Request) -> web.Response:
        if self._serving.draining:
            return web.Response(status=503, text="draining: streams are finishing\n")
        if not self._serving.tables.ready:
            return web.Response(status=503, text="no list of route tables yet, and no copy on disk\n")
        return web.Response(text=f"ok: {len(self._serving.tables.served)} policies\n")

    async def _metrics(self, _: web.Request) -> web.Response:
        # 2,000 lines take 10 ms, and every stream waits for the loop
        text = await asyncio.to_thread(generate_latest, Taken(self._registry))
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _observations(self, request: web.Request) -> web.Response:
        refused = self._unauthorized(request)
        if refused is not None:
            return refusal_response(refused, "")
        wanted = request.query.get("version", str(VERSION))
        if wanted != str(VERSION):
            message = f"This proxy writes observations of version {VERSION}, not {wanted[:20]!r}."
            return refusal_response(Refusal(400, message, "invalid_request_error", "unknown_version"), "")
        return web.Response(text=self._serving.observations().model_dump_json(), content_type="application/json")

    async def _acknowledge(self, request: web.Request) -> web.Response:
        refused = self._unauthorized(request)
        if refused is not None:
            return refusal_response(refused, "")
        self._serving.acknowledged = self._serving.final
        return web.Response(status=204)

    def _unauthorized(self, request: web.Request) -> Refusal | None:
        token, given = self._serving.tables.token, request.headers.get("Authorization", "")
        if token is None:
            return Refusal(
                503, "This proxy has not received the release's token yet.", "server_error", "no_token", retry_after=1
            )
        if hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
            return None
        return Refusal(
            401, "This wants the release's token as a Bearer token.", "invalid_request_error", "unauthorized"
        )


async def _named(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(SERVER)
