"""The admin side of the simulator, on a port of its own so that it stays reachable when the provider is not.

Errors are ``{"error": "<sentence>"}``.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from tierway_cli.provider.counts import Ledger
from tierway_cli.provider.faults import KINDS, FaultError
from tierway_cli.provider.journal import Journal
from tierway_cli.provider.rules import Rules, rule


class Admin:
    """Reads the counts and recent requests, sets the faults, opens and closes the provider's socket."""

    def __init__(
        self,
        models: list[str],
        *,
        ledger: Ledger,
        rules: Rules,
        journal: Journal,
        listen: Callable[[bool], Awaitable[None]],
    ) -> None:
        self._models, self._ledger, self._rules, self._journal = models, ledger, rules, journal
        self._listen = listen

    def application(self) -> web.Application:
        app = web.Application(middlewares=[_told])
        app.add_routes(
            [
                web.get("/admin/counts", self._counts),
                web.delete("/admin/counts", self._reset),
                web.get("/admin/requests", self._requests),
                web.get("/admin/faults", self._faults),
                web.post("/admin/faults", self._add_fault),
                web.delete("/admin/faults", self._clear_faults),
                web.post("/admin/listen", self._set_listen),
            ]
        )
        return app

    async def _counts(self, _: web.Request) -> web.Response:
        return web.json_response(self._ledger.counts())

    async def _reset(self, _: web.Request) -> web.Response:
        self._ledger.reset()
        return web.Response(status=204)

    async def _requests(self, request: web.Request) -> web.Response:
        last = request.query.get("last")
        if last is not None and not last.isdecimal():
            return _error("last is a number of requests.")
        entries = self._journal.last(None if last is None else int(last))
        return web.json_response([entry.shown() for entry in entries])

    async def _faults(self, _: web.Request) -> web.Response:
        known = {name: {"does": kind.does, "params": dict(kind.params)} for name, kind in KINDS.items()}
        return web.json_response({"rules": self._rules.shown(), "known": known})

    async def _add_fault(self, request: web.Request) -> web.Response:
        self._rules.add(rule(await _object(request), self._models))
        return web.json_response({"rules": self._rules.shown()}, status=201)

    async def _clear_faults(self, _: web.Request) -> web.Response:
        self._rules.clear()
        return web.Response(status=204)

    async def _set_listen(self, request: web.Request) -> web.Response:
        opened = (await _object(request)).get("open")
        if not isinstance(opened, bool):
            return _error("open is true or false.")
        await self._listen(opened)
        return web.json_response({"open": opened})


@web.middleware
async def _told(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except FaultError as reason:
        return _error(str(reason))


async def _object(request: web.Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.read())
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise FaultError("The body must be a JSON object.")
    return body


def _error(message: str) -> web.Response:
    return web.json_response({"error": message}, status=400)
