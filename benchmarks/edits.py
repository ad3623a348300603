"""How long after an edit of a policy every proxy serves it, and whether a request notices.

    python -m benchmarks.edits [--kubernetes] [--edits 100]

On the demo's stages, under a steady load of requests through the OpenAI SDK. An edit is one save of the policy's file,
or one PATCH to the Kubernetes API. It is timed until the last proxy decides by the new table, which each is asked every
few milliseconds without calling a model (`POST …/v1/route`): once from the moment before the write, and once from when
the write was done.
"""

import argparse
import asyncio
import os
import re
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client.api.custom_objects_api import CustomObjectsApi
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration

from demo.corpus import Sample, load, sequence
from demo.folder_stage import on_a_folder
from demo.kubernetes_stage import on_kubernetes
from demo.providers import simulated
from demo.stage import Stage
from demo.traffic import Seen, Traffic
from localkube import ControlPlane

_LOOK_SECONDS = 0.005
_BETWEEN_SECONDS = 0.3
_WARM_UP_SECONDS = 3.0
_PATIENCE_SECONDS = 30.0
_ASK = {"model": "auto", "messages": [{"role": "user", "content": "Hi"}]}

Edit = Callable[[int], Awaitable[None]]
"""Gives Simple requests an output limit of so many tokens; returns when that is stored."""


@dataclass(frozen=True)
class Served:
    """Seconds until every proxy served an edit."""

    from_before_the_write: float
    from_its_end: float


def saving(stage: Stage) -> AbstractAsyncContextManager[Edit]:
    @asynccontextmanager
    async def ready() -> AsyncIterator[Edit]:
        file = stage.objects / "policy-default.yaml"
        bare = re.sub(r"\n    maxOutputTokens: \d+", "", file.read_text())

        async def edit(limit: int) -> None:
            text = bare.replace("  - class: Simple\n", f"  - class: Simple\n    maxOutputTokens: {limit}\n")
            file.write_text(text)

        yield edit

    return ready()


@asynccontextmanager
async def patching(kubeconfig: Path) -> AsyncIterator[Edit]:
    """Without kubectl, whose own start takes longer than what is measured."""
    found = Configuration()
    await config.load_kube_config(config_file=str(kubeconfig), client_configuration=found)  # type: ignore[no-untyped-call]
    async with ApiClient(found) as client:
        api = CustomObjectsApi(client)

        async def edit(limit: int) -> None:
            change = [{"op": "add", "path": "/spec/routes/0/maxOutputTokens", "value": limit}]
            await api.patch_namespaced_custom_object(
                "tierway.dev",
                "v1alpha1",
                "llm",
                "routingpolicies",
                "default",
                change,
                _content_type="application/json-patch+json",  # a merge patch would replace all routes
            )

        yield edit


async def table(session: aiohttp.ClientSession, proxy: str) -> str:
    async with session.post(f"{proxy}/llm/default/v1/route", json=_ASK) as answer:
        return str((await answer.json())["table"])


async def loaded(session: aiohttp.ClientSession, proxy: str, before: str) -> float:
    """When this proxy is first seen to decide by another table than before, in monotonic seconds."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while await table(session, proxy) == before:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{proxy} still serves the old table")
        await asyncio.sleep(_LOOK_SECONDS)
    return time.monotonic()


async def timed(session: aiohttp.ClientSession, proxies: Sequence[str], edit: Edit, limit: int) -> Served:
    before = await table(session, proxies[0])
    async with asyncio.TaskGroup() as looking:
        waiting = [looking.create_task(loaded(session, proxy, before)) for proxy in proxies]
        begun = time.monotonic()
        await edit(limit)
        done = time.monotonic()
    served = max(each.result() for each in waiting)
    return Served(served - begun, served - done)


async def measure(stage: Stage, editing: AbstractAsyncContextManager[Edit], edits: int) -> None:
    traffic, over = Traffic(stage.proxies, lambda _: None), False

    def samples() -> Iterator[Sample]:
        for seed in count():
            for sample in sequence(load(), 100, seed):
                if over:
                    return
                yield sample

    async with aiohttp.ClientSession() as session, editing as edit:
        load_task = asyncio.create_task(traffic.run(samples()))
        await asyncio.sleep(_WARM_UP_SECONDS)
        times = []
        for number in range(edits):
            times.append(await timed(session, stage.proxies, edit, 1000 + number))
            await asyncio.sleep(_BETWEEN_SECONDS)
        over = True
        await load_task
    print(f"{edits} edits on {stage.what}, {len(stage.proxies)} proxies")
    say("from before the write", [each.from_before_the_write for each in times])
    say("from its end", [each.from_its_end for each in times])
    say_failed(traffic.seen)


def say(what: str, seconds: list[float]) -> None:
    cuts = [each * 1000 for each in statistics.quantiles(seconds, n=100, method="inclusive")]
    longest = max(seconds) * 1000
    print(f"{what}: p50 {cuts[49]:.0f} ms, p95 {cuts[94]:.0f} ms, p99 {cuts[98]:.0f} ms, max {longest:.0f} ms")


def say_failed(seen: list[Seen]) -> None:
    failed = [each.error for each in seen if each.error is not None]
    print(f"{len(seen)} requests meanwhile, {len(failed)} failed" + (f": {failed[0]}" if failed else ""))


def staged(stack: ExitStack, work: Path, *, kubernetes: bool) -> tuple[Stage, AbstractAsyncContextManager[Edit]]:
    ports = {each.written: each.port for each in stack.enter_context(simulated(work))}
    if not kubernetes:
        stage = stack.enter_context(on_a_folder(work, ports))
        return stage, saving(stage)
    if "KUBECONFIG" not in os.environ:
        # the stage takes the cluster that is named here; and so the edits go to the same
        os.environ["KUBECONFIG"] = str(stack.enter_context(ControlPlane.started()).kubeconfig)
    stage = stack.enter_context(on_kubernetes(work, ports, print))
    return stage, patching(Path(os.environ["KUBECONFIG"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kubernetes", action="store_true", help="on a real Kubernetes API instead of a folder")
    parser.add_argument("--edits", type=int, default=100, help="how many, at least 2 (default: %(default)s)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tierway-edits-") as scratch, ExitStack() as stack:
        stage, editing = staged(stack, Path(scratch), kubernetes=given.kubernetes)
        asyncio.run(measure(stage, editing, given.edits))


if __name__ == "__main__":
    main()
