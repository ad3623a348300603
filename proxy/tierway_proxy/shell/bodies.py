"""A request's body, read to its end: something that can be routed, or what is wrong with it."""

from aiohttp import web

from tierway_proxy.core.body import Body, NotARequestError
from tierway_proxy.core.refusal import Refusal, bad_request

MOST_BODY_BYTES = 64 << 20


async def read(request: web.BaseRequest) -> Body | Refusal:
    try:
        # most bodies came along with their head
        return _parsed(request.content.read_nowait() if request.content.is_eof() else await _received(request))
    except web.HTTPRequestEntityTooLarge:
        message = f"The request is larger than {MOST_BODY_BYTES >> 20} MiB."
        return Refusal(413, message, "invalid_request_error", "request_too_large")
    except web.RequestPayloadError:
        return bad_request("The request's body is not what its Content-Encoding or Transfer-Encoding says.")


async def _received(request: web.BaseRequest) -> bytes:
    if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return await request.read()


def _parsed(raw: bytes) -> Body | Refusal:
    try:
        return Body(raw)
    except NotARequestError as error:
        return bad_request(f"The request cannot be read: {error}.", "invalid_json")
