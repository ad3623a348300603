"""The callers' connections, where what is no HTTP is answered as any other fault of a request, and leaves no traceback.

Anybody can send it, as fast as a network carries it, and aiohttp's own answer is plain text and an error in the log.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web


class CallersServer(web.Server):
    """`unreadable` answers a head that cannot be read, given an empty request and a sentence of what is wrong."""

    def __init__(
        self,
        handle: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        unreadable: Callable[[web.BaseRequest, str], web.Response],
        **options: Any,
    ) -> None:
        super().__init__(handle, **options)
        self._unreadable = unreadable

    def __call__(self) -> web.RequestHandler:
        return _Connection(self._unreadable, self, loop=self._loop, **self._kwargs)


class _Connection(web.RequestHandler):
    __slots__ = ("_unreadable",)

    def __init__(
        self,
        unreadable: Callable[[web.BaseRequest, str], web.Response],
        server: web.Server,
        *,
        loop: asyncio.AbstractEventLoop,
        **options: Any,
    ) -> None:
        super().__init__(server, loop=loop, **options)
        self._unreadable = unreadable

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Called for heads alone: the handler answers its own faults."""
        # what it says of a line that is too long ends with the line's first bytes, which may be a key
        said = (message or str(exc)).partition("\n")[0].partition(": b")[0].rstrip(":.")
        self.logger.debug("a request of %s cannot be read (%d): %s", request.remote, status, said)
        response = self._unreadable(request, said)
        response.force_close()
        return response

    def log_exception(self, *args: Any, **options: Any) -> None:
        """A body that cannot be decoded is its sender's fault too, also when nobody wanted it."""
        if isinstance(options.get("exc_info"), web.RequestPayloadError):
            self.logger.debug(*args)
        else:
            super().log_exception(*args, **options)
