"""How to reach the API server, and as whom: the pod's own ServiceAccount, or the file that KUBECONFIG names.

Credentials are read again while the program runs (a projected token lives for an hour), by the official client's hook.
kopf, which copies a token once, is given a session that asks the same hook at every request.
"""

import os
from time import monotonic

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.client.rest import RESTClientObject

_CREDENTIALS_SECONDS = 60


async def configuration() -> Configuration:
    """Return address and credentials, the latter renewed as they are used."""
    found = Configuration()
    path = os.environ.get("KUBECONFIG")
    if path is None:
        # it reads the token file again each minute
        config.load_incluster_config(client_configuration=found)  # type: ignore[no-untyped-call]
        return found
    loader = await config.load_kube_config(  # type: ignore[no-untyped-call]
        config_file=path, client_configuration=found
    )
    loaded = monotonic()

    async def reload(current: Configuration) -> None:
        nonlocal loaded
        if monotonic() - loaded > _CREDENTIALS_SECONDS:
            loaded = monotonic()
            await loader.load_and_set(current)

    found.refresh_api_key_hook = reload  # type: ignore[assignment]  # declared by its default alone
    return found


def session(found: Configuration) -> aiohttp.ClientSession:
    """Make a session for requests to `found.host` that carries its credentials; the caller closes it."""

    async def authorize(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        token = await found.get_api_key_with_prefix("BearerToken")
        if token:
            request.headers["Authorization"] = token
        return await send(request)

    tls = RESTClientObject(found).ssl_context
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, ssl=tls), middlewares=(authorize,))
