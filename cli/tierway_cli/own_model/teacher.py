"""Labels from a premium model through an OpenAI-compatible endpoint, instead of from a person.

It is asked for one word. An answer that is not exactly one of the three is counted and thrown away, never guessed at.
Prompts leave this machine for that endpoint, and nothing else does.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp

from tierway_cli.own_model.errors import BadInputError
from tierway_cli.own_model.labels import class_of
from tierway_cli.own_model.prompts import Prompt
from tierway_cli.own_model.showing import shown
from tierway_proxy.contract.base import CLASSES, RequestClass

AT_ONCE: Final = 4
ATTEMPTS: Final = 3
SECONDS: Final = 60.0
"""For one answer."""
PAUSE_SECONDS: Final = 1.0
"""Before a second attempt, doubled before the third."""

ASKED: Final = """\
You judge how hard a request to a language model is. Do not answer the request.
Simple: a small model does it well (look up, extract, classify, translate, reformat, small talk, a sentence or two).
Moderate: in between (explain, summarize at length, write under conditions, code of some lines, a short calculation).
Complex: only the best models do it well (proofs, hard code, puzzles, planning, expert judgement, long analysis).
Answer with one word: Simple, Moderate or Complex."""

_REFUSED = (400, 401, 403, 404, 422)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`url` as OpenAI clients take it, with `/v1`; `key` None: no Authorization header."""

    url: str
    model: str
    key: str | None


@dataclass
class Told:
    """`unusable`: answers that were none of the three words; `failed`: no answer came."""

    classes: dict[str, RequestClass] = field(default_factory=dict)
    unusable: int = 0
    failed: int = 0


async def ask(endpoint: Endpoint, prompts: Sequence[Prompt], pause_seconds: float | None = None) -> Told:
    """Ask about all prompts, a few at once. Raises `BadInputError` when the endpoint refuses what it is asked."""
    pause = PAUSE_SECONDS if pause_seconds is None else pause_seconds
    told, room = Told(), asyncio.Semaphore(AT_ONCE)
    headers = {"Authorization": f"Bearer {endpoint.key}"} if endpoint.key else {}
    async with aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=SECONDS)) as http:

        async def one(prompt: Prompt) -> None:
            async with room:
                answer = await _answer(http, endpoint, prompt, pause)
            klass = None if answer is None else word_in(answer)
            if klass is not None:
                told.classes[prompt.id] = klass
            told.failed += answer is None
            told.unusable += answer is not None and klass is None

        tasks = [asyncio.ensure_future(one(prompt)) for prompt in prompts]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    return told


def word_in(answer: str) -> RequestClass | None:
    """Return the class that an answer of one word names, whatever quotes, stars or full stops stand around it."""
    word = answer.strip().strip("\"'`*_.!:()[] \n")
    klass = class_of(word)
    return klass if word.capitalize() in CLASSES else None


async def _answer(http: aiohttp.ClientSession, endpoint: Endpoint, prompt: Prompt, pause_seconds: float) -> str | None:
    for attempt in range(ATTEMPTS):
        if attempt:
            await asyncio.sleep(pause_seconds * 2 ** (attempt - 1))
        try:
            async with http.post(f"{endpoint.url.rstrip('/')}/chat/completions", json=_body(endpoint, prompt)) as reply:
                if reply.status in _REFUSED:
                    raise BadInputError(f"{endpoint.url} refused with {reply.status}: {(await reply.text())[:300]}")
                if reply.status == 200:
                    return _content(await reply.json(content_type=None))
        except (aiohttp.ClientError, TimeoutError, ValueError):
            continue
    return None


def _body(endpoint: Endpoint, prompt: Prompt) -> Mapping[str, Any]:
    """Make the request; what is judged stands between marks, so that it is not taken for the task."""
    text = f"<request>\n{shown(prompt.body)}\n</request>\n\nSimple, Moderate or Complex?"
    messages = [{"role": "system", "content": ASKED}, {"role": "user", "content": text}]
    return {"model": endpoint.model, "messages": messages, "temperature": 0}


def _content(reply: Any) -> str | None:
    try:
        content = reply["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError):
        return None
    return content if isinstance(content, str) else None
