"""The OpenAI side of the simulator: chat completions and the list of models.

Whatever goes wrong is answered in OpenAI's shape, wrong routes and methods too.
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from random import Random

from aiohttp import web

from tierway_cli.provider import refusals
from tierway_cli.provider.answers import Shape, answer
from tierway_cli.provider.chat import BadRequestError, ChatRequest, Json, parse
from tierway_cli.provider.counts import Ledger, Tab
from tierway_cli.provider.faults import HEADER, Fault, FaultError, applies, parse_header
from tierway_cli.provider.figures import Figures
from tierway_cli.provider.journal import Journal, Received
from tierway_cli.provider.pace import draw_pace
from tierway_cli.provider.playing import Player
from tierway_cli.provider.rules import Rules
from tierway_cli.provider.scripts import Script
from tierway_cli.provider.tokens import PrefixCache, prompt_tokens

MAX_BODY = 64 * 2**20  # bytes


class Api:
    """Answers the requests of one provider."""

    def __init__(
        self,
        models: Mapping[str, Figures],
        *,
        ledger: Ledger,
        rules: Rules,
        journal: Journal,
        random: Random,
        region: str,
        speed: float,
        tokens_scale: float,
        api_key: str | None,
    ) -> None:
        self._models, self._ledger, self._rules, self._journal = models, ledger, rules, journal
        self._random, self._region, self._speed = random, region, speed
        self._tokens_scale, self._api_key = tokens_scale, api_key
        self._cache = PrefixCache()

    def application(self) -> web.Application:
        app = web.Application(client_max_size=MAX_BODY, middlewares=[self._authorized, _openai_shaped])
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_get("/v1/models", self._list)
        app.router.add_get("/v1/models/{name}", self._one)
        return app

    @web.middleware
    async def _authorized(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if self._api_key is not None and request.headers.get("Authorization") != f"Bearer {self._api_key}":
            return refusals.wrong_key()
        return await handler(request)

    async def _list(self, _: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [_model(name) for name in self._models]})

    async def _one(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        return web.json_response(_model(name)) if name in self._models else refusals.unknown_model(name)

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.raw_headers)
        self._journal.add(Received(request.path, headers, raw))
        try:
            body = _decode(raw)
            chat = parse(body)
            asked = parse_header(",".join(request.headers.getall(HEADER, [])))
        except BadRequestError as reason:
            return refusals.bad_request(reason)
        except FaultError as reason:
            return refusals.bad_request(BadRequestError(str(reason), HEADER))
        if chat.model not in self._models:
            return refusals.unknown_model(chat.model)
        return await self._serve(request, chat, body, asked)

    async def _serve(
        self, request: web.Request, chat: ChatRequest, body: Json, asked: tuple[Fault, ...]
    ) -> web.StreamResponse:
        tab = self._ledger.open(chat.model)
        prompt = prompt_tokens(chat)
        faults = self._draw(chat, body, asked, prompt)
        for name in faults:
            tab.fault(name)
        refusing = next((fault for fault in faults.values() if fault.kind.refuses), None)
        if refusing:
            tab.close("failed")
            return refusals.refusal(refusing, chat.model, request.headers.get("Authorization", ""))
        script = self._script(chat, faults, prompt, tab)
        player = Player(request, tab, {"x-provider-region": self._region})
        return await player.play(script, stream=bool(chat.stream))

    def _draw(self, chat: ChatRequest, body: Json, asked: tuple[Fault, ...], prompt: int) -> dict[str, Fault]:
        fits = functools.partial(applies, body=body, prompt_tokens=prompt)
        drawn = [*filter(fits, asked)] if asked else [*self._rules.draw(chat.model, fits)]
        return {fault.name: fault for fault in drawn}

    def _script(self, chat: ChatRequest, faults: dict[str, Fault], prompt: int, tab: Tab) -> Script:
        figures = self._models[chat.model]
        random = Random(self._random.getrandbits(64))  # noqa: S311 - so that others' pace changes nothing here
        cached = 0
        if "refuse" not in faults:  # a connection that was refused was never accepted
            cached = self._cache.cached_tokens(chat)
            tab.accept(prompt, cached)
        return Script(
            model=chat.model,
            created=int(time.time()),
            choices=answer(chat, figures.reasoning, _shape(faults, self._tokens_scale)),
            prompt_tokens=prompt,
            cached_tokens=cached,
            wants_usage=chat.wants_usage,
            pace=draw_pace(figures, self._region, self._speed, random),
            random=random,
            faults=faults,
        )


@web.middleware
async def _openai_shaped(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as problem:
        message = f"Invalid request ({request.method} {request.path}): {problem.reason}."
        return refusals.error(problem.status, message, kind="invalid_request_error")


def _model(name: str) -> Json:
    return {"id": name, "object": "model", "created": 1_777_593_600, "owned_by": "tierway-provider"}


def _decode(raw: bytes) -> Json:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as reason:
        raise BadRequestError(f"We could not parse the JSON body of your request: {reason}") from None
    if not isinstance(body, dict):
        raise BadRequestError("The body must be a JSON object.")
    return body


def _shape(faults: Mapping[str, Fault], tokens_scale: float) -> Shape:
    length, beyond = faults.get("answer_length"), faults.get("ignore_max_tokens")
    insert: tuple[str, ...] = ("\ud83d", "\ude00") if "split_emoji" in faults else ()
    if "split_bytes" in faults:
        insert += (" 😀",)  # something to split
    return Shape(
        tokens_scale=tokens_scale,
        length=length.integer("tokens") if length else None,
        beyond=beyond.integer("tokens") if beyond else None,
        insert=insert,
    )
