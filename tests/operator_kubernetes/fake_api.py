"""An API server that has our two kinds and no object of them, and that goes away when a test says so."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

KINDS = {"modeltiers": "ModelTier", "routingpolicies": "RoutingPolicy"}
CORE = {"namespaces": "Namespace", "events": "Event"}
GROUP = {"name": "tierway.dev", "versions": [{"version": "v1alpha1"}], "preferredVersion": {"version": "v1alpha1"}}
BROKEN = 3  # connections of each watch, after which it is as with a server that has just started


class FakeApi:
    """`watched`: both kinds are. `gone`: watches break, then one of them is forbidden and the other gets no answer.

    `again`: somebody has listed since, to watch anew.
    """

    def __init__(self) -> None:
        self.watched, self.gone, self.again = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._watches: set[str] = set()
        self._broken = dict.fromkeys(KINDS, 0)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Give its address."""
        app = web.Application()
        app.router.add_get("/{path:.*}", self._answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        name = request.path.rpartition("/")[2]
        if name not in KINDS:
            return web.json_response(_discovered(request.path))
        if "watch" not in request.query:
            if self.gone.is_set():
                self.again.set()
            return web.json_response({"kind": f"{KINDS[name]}List", "metadata": {"resourceVersion": "1"}, "items": []})
        return await (self._after(request, name) if self.gone.is_set() else self._watch(request, name))

    async def _watch(self, request: web.Request, name: str) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        self._watches.add(name)
        if len(self._watches) == len(KINDS):
            self.watched.set()
        await self.gone.wait()
        _break(request)
        return answer

    async def _after(self, request: web.Request, name: str) -> web.StreamResponse:
        self._broken[name] += 1
        if self._broken[name] <= BROKEN:
            _break(request)
        elif name == "modeltiers":
            await asyncio.sleep(0.5)  # by then the other waits for its answer
            return web.json_response({"kind": "Status", "code": 403, "message": "not yet"}, status=403)
        else:
            await asyncio.Event().wait()
        return web.Response()


def _break(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.close()


def _discovered(path: str) -> dict[str, Any]:
    if path.endswith("/v1alpha1"):
        return {"resources": [_resource(name, kind) for name, kind in KINDS.items()]}
    if path.endswith("/v1"):
        return {"resources": [_resource(name, kind) for name, kind in CORE.items()]}
    return {"versions": ["v1"]} if path == "/api" else {"groups": [GROUP]}


def _resource(name: str, kind: str) -> dict[str, Any]:
    namespaced = name != "namespaces"
    return {
        "name": name,
        "kind": kind,
        "singularName": kind.lower(),
        "namespaced": namespaced,
        "verbs": ["list", "watch"],
    }
