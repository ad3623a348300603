"""What happens in the demo: traffic, a provider that dies, a policy that is edited, and what was seen of it all."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from openai import AsyncOpenAI

from demo.corpus import Sample, load, sequence
from demo.providers import Simulated
from demo.stage import Stage
from demo.traffic import Seen, Traffic, ask

REQUESTS = 300
_BREAK_AT, _EDIT_AT, _MEND_AT = REQUESTS // 4, REQUESTS // 2, REQUESTS * 3 // 4
_PROBE_SECONDS = 0.025
_EDIT_PATIENCE_SECONDS = 15.0
_READY_PATIENCE_SECONDS = 60.0
_FIGURES_PATIENCE_SECONDS = 75.0
_EDITED = "  - class: Simple\n    maxOutputTokens: 400\n"


class StoryError(Exception):
    """Something that the demo shows did not happen; the message says what."""


@dataclass(slots=True)
class Story:
    """Told on a stage; `say` is for a line, `progress` for how many requests were answered."""

    stage: Stage
    providers: list[Simulated]
    say: Callable[[str], None]
    progress: Callable[[int], None]
    seen: list[Seen] = field(default_factory=list)
    edit_seconds: float | None = None
    probes: int = 0
    acts: list[asyncio.Task[None]] = field(default_factory=list)

    async def tell(self) -> None:
        """Raises StoryError."""
        await self._ready()
        traffic = Traffic(self.stage.proxies, self._step)
        await traffic.run(sequence(load(), REQUESTS))
        await asyncio.gather(*self.acts)
        self.seen = traffic.seen
        await self._figures()

    async def _ready(self) -> None:
        """The policies say that every proxy serves them."""
        deadline = time.monotonic() + _READY_PATIENCE_SECONDS
        while True:
            policies = await asyncio.to_thread(self.stage.found, "routingpolicies")
            if len(policies) == 2 and all(condition(each, "Ready") == "True" for each in policies):
                self.say("both policies are Ready: compiled, published, and loaded by every proxy")
                return
            if time.monotonic() > deadline:
                raise StoryError("the policies did not become Ready:\n" + self.stage.tables())
            await asyncio.sleep(0.1)

    def _step(self, done: int) -> None:
        self.progress(done)
        act = {_BREAK_AT: self._break, _EDIT_AT: self._edit, _MEND_AT: self._mend}.get(done)
        if act is not None:
            self.acts.append(asyncio.create_task(act()))

    async def _break(self) -> None:
        one = self.providers[0]
        await asyncio.to_thread(one.fail)
        self.say(f"the provider in {one.region} is dead: it breaks every new connection")

    async def _mend(self) -> None:
        one = self.providers[0]
        await asyncio.to_thread(one.recover)
        self.say(f"the provider in {one.region} is back")

    async def _edit(self) -> None:
        """Saves the policy with an output limit for Simple requests, and asks until the new table answers."""
        file = self.stage.objects / "policy-default.yaml"
        before = await self._probe()
        file.write_text(file.read_text().replace("  - class: Simple\n", _EDITED, 1))
        await asyncio.to_thread(self.stage.apply, file)
        applied = time.monotonic()
        probes: list[asyncio.Task[Seen]] = []
        for number in count():
            probes.append(asyncio.create_task(self._probe()))
            await asyncio.sleep(_PROBE_SECONDS)
            fresh = [each.result() for each in probes if each.done() and each.result().table not in ("", before.table)]
            if fresh or number * _PROBE_SECONDS > _EDIT_PATIENCE_SECONDS:
                break
        await asyncio.gather(*probes)
        self.edit_seconds = min((each.sent_at - applied for each in fresh), default=None)
        self.say("policy `default` edited: Simple answers are now limited to 400 tokens")

    async def _probe(self) -> Seen:
        """A tiny request of the default policy, to the last proxy."""
        self.probes += 1
        sample = Sample(
            "demo", "en", "Simple", "default", {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
        )
        async with AsyncOpenAI(
            base_url=f"{self.stage.proxies[-1]}/llm/default/v1", api_key="none", max_retries=0
        ) as client:
            return await ask(client, sample, stream=True)

    async def _figures(self) -> None:
        """The statuses have counted every request."""
        deadline, wanted = time.monotonic() + _FIGURES_PATIENCE_SECONDS, REQUESTS + self.probes
        self.say("all answered; waiting for the last figures to reach the status")
        while counted(await asyncio.to_thread(self.stage.found, "routingpolicies")) < wanted:
            if time.monotonic() > deadline:
                raise StoryError(f"the statuses did not come to {wanted} requests:\n" + self.stage.tables())
            await asyncio.sleep(0.25)


def condition(found: dict[str, object], wanted: str) -> str:
    """The status of an object's condition, for its newest generation; '' when it is not there yet."""
    status, meta = found.get("status"), found["metadata"]
    conditions = status.get("conditions", []) if isinstance(status, dict) else []
    generation = meta.get("generation") if isinstance(meta, dict) else None
    return next(
        (
            each["status"]
            for each in conditions
            if each["type"] == wanted and each.get("observedGeneration") == generation
        ),
        "",
    )


def counted(policies: list[dict[str, object]]) -> int:
    """Requests of today, of all policies."""
    total = 0
    for policy in policies:
        status = policy.get("status")
        today = status.get("today", {}) if isinstance(status, dict) else {}
        total += sum(today.get("requests", {}).values())
    return total
