"""The wire of an API server: LIST and WATCH of ConfigMaps and Secrets, reviews, faults, and no rule of Kubernetes."""

import asyncio
import json
from base64 import b64encode

from aiohttp import web

from tests.proxy.payloads import state, table

NAMESPACE, RELEASE = "tierway-system", "tw"
MAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
SECRETS = f"/api/v1/namespaces/{NAMESPACE}/secrets"


def config_map(name="a", version=1, **changed):
    data = {"table.json": table(f"llm/{name}", **changed), "state.json": state(f"llm/{name}")}
    return {"metadata": {"name": name, "resourceVersion": str(version)}, "data": data}


def key_secret(name=f"{RELEASE}-keys", **keys):
    data = {each: b64encode(key.encode()).decode() for each, key in keys.items()}
    return {"metadata": {"name": name, "resourceVersion": "1"}, "data": data}


class FakeKubernetes:
    """`maps` and `secret` are what LIST and GET answer; `send` and `end` act on the running watch of ConfigMaps.

    `callers` is another Secret, of callers' keys; every token of `accounts` is its ServiceAccount's, others nobody's.
    """

    def __init__(self):
        self.callers, self.accounts = key_secret("callers"), {}
        self.maps, self.secret = {}, key_secret()
        self.maps_status = self.secret_status = 200
        self.lists, self.watches = [], []
        self.watching = asyncio.Event()
        self.refused = asyncio.Queue()
        self.deaf = False
        self._events = asyncio.Queue()

    def application(self):
        app = web.Application()
        app.add_routes([web.get(MAPS, self._maps), web.get(SECRETS, self._secrets)])
        app.add_routes([web.get(f"{SECRETS}/{RELEASE}-keys", self._one_secret)])
        app.add_routes([web.post("/apis/authentication.k8s.io/v1/tokenreviews", self._review)])
        return app

    def send(self, kind, found):
        self._events.put_nowait({"type": kind, "object": found})

    def end(self):
        self._events.put_nowait(None)

    async def _maps(self, request):
        if "watch" in request.query:
            self.watches.append(dict(request.query))
            self.watching.set()
            return await self._watch(request)
        if self.maps_status != 200:
            self.refused.put_nowait(request.path)
            return web.json_response({"message": "no"}, status=self.maps_status)
        self.lists.append(dict(request.query))
        return web.json_response({"metadata": {"resourceVersion": "100"}, "items": list(self.maps.values())})

    async def _watch(self, request):
        response = web.StreamResponse()
        await response.prepare(request)
        while self.deaf or (event := await self._events.get()) is not None:
            if self.deaf:
                await asyncio.sleep(3600)
            await response.write(json.dumps(event).encode() + b"\n")
        return response

    async def _secrets(self, request):
        if "watch" in request.query:
            await asyncio.sleep(3600)
        if self.secret_status != 200:
            return web.json_response({"message": "forbidden"}, status=self.secret_status)
        return web.json_response({"metadata": {"resourceVersion": "1"}, "items": [self._named(request)]})

    def _named(self, request):
        return self.callers if request.query.get("fieldSelector") == "metadata.name=callers" else self.secret

    async def _review(self, request):
        asked = (await request.json())["spec"]
        account = self.accounts.get(asked["token"])
        if account is None:
            return web.json_response({"status": {"error": "invalid bearer token"}}, status=201)
        user = {"username": f"system:serviceaccount:{account.replace('/', ':')}"}
        status = {"authenticated": True, "user": user, "audiences": asked["audiences"]}
        return web.json_response({"status": status}, status=201)

    async def _one_secret(self, _):
        if self.secret_status != 200:
            return web.json_response({"message": "forbidden"}, status=self.secret_status)
        return web.json_response(self.secret)
