"""One simulated provider: many models, an OpenAI port, an admin port, and the same controls for tests beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random
from typing import Any

from aiohttp import web

from tierway_cli.provider.admin import Admin
from tierway_cli.provider.api import Api
from tierway_cli.provider.counts import Ledger
from tierway_cli.provider.figures import NORMAL, Figures
from tierway_cli.provider.journal import Journal, Received
from tierway_cli.provider.playing import break_connection
from tierway_cli.provider.rules import Rules, rule

_SHUTDOWN_SECONDS = 0.1  # a stalled answer would wait for ever


class Provider:
    """A provider and its state.

    To be made and used in a running event loop::

        async with Provider(seed=1, speed=50).serving() as provider:
            client = AsyncOpenAI(base_url=provider.url, api_key="any")

    ``speed`` above 1 divides the figures' times (never those of faults), ``tokens_scale`` multiplies the lengths of
    answers, ``api_key`` is demanded when given, ``region`` moves TTFT. Without a ``seed`` each run draws anew.
    """

    def __init__(
        self,
        models: Iterable[Figures] = NORMAL,
        *,
        seed: int | None = None,
        speed: float = 1.0,
        region: str = "us-east",
        tokens_scale: float = 1.0,
        api_key: str | None = None,
    ) -> None:
        figures = {model.name: model for model in models}
        self._models = list(figures)
        random = Random(seed)  # noqa: S311 - jitter, not secrets
        self._ledger, self._rules, self._journal = Ledger(self._models), Rules(random), Journal()
        self._api = Api(
            figures,
            ledger=self._ledger,
            rules=self._rules,
            journal=self._journal,
            random=random,
            region=region,
            speed=speed,
            tokens_scale=tokens_scale,
            api_key=api_key,
        )
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None
        self._host, self._port, self._admin_port = "", 0, 0

    @asynccontextmanager
    async def serving(self, host: str = "127.0.0.1", port: int = 0, admin_port: int = 0) -> AsyncIterator[Provider]:
        """Serve until the block ends; port 0 takes a free one. Raises :exc:`OSError` when a port is taken."""
        self._host, self._port = host, port
        admin = Admin(self._models, ledger=self._ledger, rules=self._rules, journal=self._journal, listen=self.listen)
        async with AsyncExitStack() as stack:
            self._runner = await _running(stack, self._api.application())
            await self.listen(opened=True)
            admin_site = web.TCPSite(await _running(stack, admin.application()), host, admin_port)
            await admin_site.start()
            self._admin_port = admin_site.port
            yield self
        self._runner = self._site = None

    @property
    def url(self) -> str:
        """The base URL that a client of OpenAI's API wants; ends in ``/v1``."""
        return f"http://{self._host}:{self._port}/v1"

    @property
    def admin_url(self) -> str:
        """The base URL of the admin calls; ends in ``/admin``."""
        return f"http://{self._host}:{self._admin_port}/admin"

    async def listen(self, opened: bool) -> None:  # noqa: FBT001 - the admin call's one field
        """Open the listening socket, or close it and break every connection: connects are refused then."""
        if self._runner is None or opened == (self._site is not None):
            return
        if self._site is None:
            self._site = web.TCPSite(self._runner, self._host, self._port)
            await self._site.start()
            self._port = self._site.port
            return
        await self._site.stop()
        self._site = None
        self._ledger.break_all()
        for connection in self._runner.server.connections if self._runner.server else ():
            break_connection(connection.transport, "reset")

    def set_fault(
        self, name: str, *, model: str | None = None, share: float = 1.0, count: int | None = None, **params: Any
    ) -> None:
        """Play a fault from now on, as ``POST /admin/faults`` does; raise :exc:`FaultError` for an unknown one."""
        posted = {"fault": name, "model": model, "share": share, "count": count, **params}
        self._rules.add(rule(posted, self._models))

    def clear_faults(self) -> None:
        """Play no fault any more."""
        self._rules.clear()

    def counts(self) -> dict[str, dict[str, Any]]:
        """Return what each model served: the fields of :class:`Counts`, and ``in_flight``."""
        return self._ledger.counts()

    def reset_counts(self) -> None:
        """Count from zero."""
        self._ledger.reset()

    def requests(self, last: int | None = None) -> list[Received]:
        """Return the newest requests as they came in, oldest first; bounded."""
        return self._journal.last(last)

    async def idle(self) -> None:
        """Wait until no request is open; a client's leaving is noticed a moment after it left."""
        await self._ledger.idle()


async def _running(stack: AsyncExitStack, app: web.Application) -> web.AppRunner:
    """Start a runner that cancels handlers whose client leaves, and that the stack cleans up."""
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    return runner
