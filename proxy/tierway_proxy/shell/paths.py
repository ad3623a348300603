"""What a path of the callers' port means, and what is answered by it alone: that it is none, and a list of models."""

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from aiohttp import web

from tierway_proxy.core.catalog import Catalog
from tierway_proxy.core.refusal import Refusal, model_not_found
from tierway_proxy.core.target import AUTO
from tierway_proxy.shell.answer import SERVER, refusal_response

_PATH = re.compile(r"(?:/(?P<policy>[^/]+/[^/]+))?/v1/(?P<what>chat/completions|models(?:/[^/]+)?|route)/?")
_METHODS = {"chat": "POST", "models": "GET", "route": "POST"}


class Meant(NamedTuple):
    """`policy` None: the default one. `method` is the one by which `what` is asked for."""

    policy: str | None
    what: str
    method: str


@lru_cache(maxsize=1024)
def meant(path: str) -> Meant | None:
    """None: nothing that there is."""
    matched = _PATH.fullmatch(path.partition("?")[0])
    if matched is None:
        return None
    what = matched["what"]
    return Meant(matched["policy"], what, _METHODS[what.partition("/")[0]])


def no_route(request: web.BaseRequest) -> Refusal:
    message = (
        f"There is no {request.method} {request.path[:200]} here. Try POST /v1/chat/completions or GET /v1/models."
    )
    return Refusal(404, message, "invalid_request_error", "unknown_url")


def wrong_method(request: web.BaseRequest, right: str) -> Refusal:
    message = f"{request.path[:200]} takes {right}, not {request.method}."
    return Refusal(405, message, "invalid_request_error", "method_not_allowed")


def listed(catalog: Catalog, what: str, request_id: str) -> web.Response:
    """What `model` may be: all of it (`models`), or one (`models/NAME`)."""
    names, wanted = [AUTO, *catalog.names()], unquote(what.removeprefix("models").lstrip("/"))
    if wanted and wanted not in names:
        return refusal_response(model_not_found(wanted, catalog.table.policy), request_id)
    found = [{"id": name, "object": "model", "created": 0, "owned_by": "tierway"} for name in names]
    answer = next((each for each in found if each["id"] == wanted), {"object": "list", "data": found})
    return web.json_response(answer, headers={**SERVER, "X-Request-Id": request_id})
