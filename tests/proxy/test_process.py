"""The life of a proxy process: it ends without cutting anyone or forgetting a count, and starts without a source."""

import asyncio
import json
import shutil
import signal
from contextlib import suppress

import pytest

from tests.provider.wire import ask, asking, connected, ended, read_tokens, request
from tests.proxy.asks import ASK, STREAM
from tests.proxy.harness import Folder
from tests.proxy.processes import process
from tests.proxy.tables import POLICY, UPSTREAM_MODEL, chain, key, tier
from tierway_proxy.core.classify.general import general
from tierway_proxy.shell import draining


@pytest.fixture
def folder(tmp_path, front):
    made = Folder(tmp_path / "release")
    made.put("keys/k1", "sk-provider")
    made.publish(chain(tier(front.url, provider={"credential": "k1"})))
    return made


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stream_ends_before_the_process_does_and_is_counted(folder, front, number):
    """Not ready, but serving; the last counts are final, are acknowledged, and then it leaves at once."""
    front.set_fault("answer_length", tokens=60)
    front.set_fault("crawl", tokens_per_second=60)
    async with process("--tables", folder.path, "--drain-seconds", 60) as proxy:
        async with asking(proxy, STREAM) as reader:
            begun = await read_tokens(reader, 3)
            proxy.running.send_signal(number)
            await proxy.becomes("/readyz", 503)
            assert (await proxy.status("/healthz"), (await proxy.observations()).final) == (200, False)
            assert (begun + await reader.read(-1)).count(b'"delta":{"content":') == 60
        observed = await proxy.final()
        assert observed.draining
        assert _endpoint(observed).output_tokens == front.counts()[UPSTREAM_MODEL]["completion_tokens"] == 60
        assert await proxy.acknowledge() == 204
        (line,) = await proxy.ended()
    assert (line["outcome"], line["output_tokens"]) == ("Answered", 60)


def _endpoint(observed):
    (day,) = observed.days.values()
    return day.endpoints[key("first")]


@pytest.mark.parametrize("body", [STREAM, ASK], ids=["stream", "json"])
async def test_requests_that_come_while_it_drains_are_answered(folder, front, body):
    """Pods learn late that one is leaving. Each answer closes its connection, so that the next goes elsewhere."""
    front.set_fault("stall_mid_stream", count=1)
    async with process("--tables", folder.path, "--drain-seconds", 0) as proxy:
        async with asking(proxy, STREAM) as reader:
            await read_tokens(reader, 3)
            proxy.running.terminate()
            await proxy.becomes("/readyz", 503)
            async with proxy.session.post(f"{proxy.url}/chat/completions", json=body) as late:
                assert (late.status, late.headers["Connection"]) == (200, "close")
                assert await late.text()
        assert len(await proxy.ended()) == 2


async def test_every_answer_under_light_load_is_in_the_final_counts(folder):
    """Callers go on until their connection is refused; none is cut, and what is final never grows.

    Whom the kernel had queued when the listener went is reset without a byte: refused, too, and counted nowhere.
    """
    answers, proxy_leaves, leaving = [], asyncio.Event(), asyncio.Event()

    async def calls(proxy):
        with suppress(ConnectionRefusedError):
            while not leaving.is_set():
                reply = await ask(proxy, ASK)
                if reply.reset and not reply.reads:
                    assert proxy_leaves.is_set()
                    return
                answers.append(reply.whole)
                await asyncio.sleep(0.005)

    async with process("--tables", folder.path, "--drain-seconds", 60) as proxy:
        callers = [asyncio.create_task(calls(proxy)) for _ in range(3)]
        while len(answers) < 20:  # noqa: ASYNC110 (another process)
            await asyncio.sleep(0.01)
        proxy_leaves.set()
        proxy.running.terminate()
        final = await proxy.final()
        await asyncio.wait(callers, timeout=0.5)
        leaving.set()
        await asyncio.gather(*callers)
        (day,) = final.days.values()
        assert all(answers)
        assert day.policies[POLICY].outcomes == {"Answered": len(answers)}
        assert await proxy.acknowledge() == 204
        await proxy.ended()


async def test_a_stream_goes_on_behind_a_closed_door(proxy, front, monkeypatch):
    """However long it takes: when nobody new is let in any more, who is inside is served to the end and counted."""
    monkeypatch.setattr(draining, "_NOTICE_SECONDS", 0)
    serving = proxy._proxy.serving
    front.set_fault("answer_length", tokens=40)
    front.set_fault("crawl", tokens_per_second=80)
    async with asking(proxy, STREAM) as reader:
        begun = await read_tokens(reader, 3)
        ending = asyncio.create_task(draining.drain(serving, proxy._proxy.callers, 0))
        await asyncio.sleep(0.2)
        with pytest.raises(ConnectionRefusedError):
            await ask(proxy, ASK)
        assert not serving.final
        assert (begun + await reader.read(-1)).endswith(b"0\r\n\r\n")
    await asyncio.wait_for(ending, 5)
    assert serving.final
    assert _endpoint(await proxy.observations()).output_tokens == 40


async def test_an_idle_connection_does_not_keep_it(folder):
    """Clients keep theirs for minutes; one that lies idle is closed, for nothing is under way on it."""
    async with process("--tables", folder.path, "--drain-seconds", 60) as proxy:
        async with connected(proxy.url) as (reader, writer):
            writer.write(request(ASK).replace(b"Connection: close\r\n", b""))
            await reader.readuntil(b"\r\n\r\n")
            proxy.running.terminate()
            await proxy.final()
            await asyncio.wait_for(ended(reader), 5)
        assert await proxy.acknowledge() == 204
        await proxy.ended()


async def test_it_does_not_wait_for_ever_to_be_read(folder):
    """An operator that is gone costs the time given, and the log says that nobody had read the last counts."""
    async with process("--tables", folder.path, "--drain-seconds", 0.2) as proxy:
        assert (await ask(proxy, ASK)).status == 200
        proxy.running.terminate()
        await proxy.ended()
    assert proxy.log[-1]["message"] == "ended"
    assert proxy.log[-1]["acknowledged"] is False


async def test_an_acknowledgement_before_the_end_does_not_end_it(folder):
    """The operator may have read counts that were not the last."""
    async with process("--tables", folder.path, "--drain-seconds", 60) as proxy:
        assert await proxy.acknowledge() == 204
        proxy.running.terminate()
        await proxy.final()
        assert await proxy.acknowledge() == 204
        await proxy.ended()
    assert proxy.log[-1]["acknowledged"] is True


async def test_after_a_kill_it_serves_whom_it_served_without_its_source(folder, front, tmp_path):
    """Tables and keys are kept on a disk of the pod's own, readable by it alone."""
    flags = ("--tables", folder.path, "--state-dir", tmp_path / "kept")
    async with process(*flags) as proxy:
        assert (await ask(proxy, ASK)).status == 200
        proxy.running.kill()
        await proxy.running.wait()
    shutil.rmtree(folder.path)
    async with process(*flags) as proxy:
        await proxy.becomes("/readyz", 200)
        assert (await ask(proxy, STREAM)).events[-1] == "[DONE]"
    assert front.requests()[-1].header("Authorization") == "Bearer sk-provider"
    modes = {found.stat().st_mode & 0o777 for found in (tmp_path / "kept").rglob("*.json")}
    assert modes == {0o600}


async def test_without_a_source_and_without_a_copy_it_is_not_ready(tmp_path):
    """It lives, and says what it is waiting for; callers are told to try again."""
    async with process("--tables", tmp_path / "nowhere", "--state-dir", tmp_path / "kept") as proxy:
        assert (await proxy.status("/healthz"), await proxy.status("/readyz")) == (200, 503)
        refused = await ask(proxy, ASK)
    assert (refused.status, refused.json["error"]["code"]) == (503, "default_policy_missing")


async def test_an_empty_list_of_tables_is_ready_too(tmp_path):
    """Else the first installation would wait for ever."""
    async with process("--tables", Folder(tmp_path / "release").path) as proxy:
        await proxy.becomes("/readyz", 200)


async def test_the_weights_are_there_before_the_first_request(start, front):
    """To unpack them takes as long as a hundred requests, which all would wait for it."""
    general.cache_clear()
    await start(chain(front.url))
    assert general.cache_info().currsize == 1


async def test_its_log_is_json_and_names_the_table_that_it_serves(folder):
    """One line each, to be read by machines."""
    async with process("--tables", folder.path, "--drain-seconds", 0) as proxy:
        await proxy.becomes("/readyz", 200)
        proxy.running.terminate()
        await proxy.ended()
    loaded = next(line for line in proxy.log if line["message"] == "table loaded")
    assert (loaded["policy"], loaded["level"]) == (POLICY, "info")
    assert "sk-provider" not in json.dumps(proxy.log)


async def test_it_does_not_outlive_whoever_holds_its_input(folder, front):
    """Its starter was killed: who is being answered is answered whole, nobody else is waited for, the port is free."""
    front.set_fault("answer_length", tokens=40)
    front.set_fault("crawl", tokens_per_second=80)
    async with process("--tables", folder.path, "--drain-seconds", 60, "--end-with-stdin") as proxy:
        async with asking(proxy, STREAM) as reader:
            begun = await read_tokens(reader, 3)
            proxy.running.stdin.close()
            await proxy.becomes("/readyz", 503)
            await asyncio.sleep(0.2)
            with pytest.raises(ConnectionRefusedError):
                await ask(proxy, ASK)
            assert (begun + await reader.read(-1)).count(b'"delta":{"content":') == 40
        async with asyncio.timeout(3):
            assert [line["outcome"] for line in await proxy.ended()] == ["Answered"]


async def test_an_input_that_is_open_ends_nothing_and_one_that_nobody_watches_neither(folder):
    """Only a proxy that was told to watches it, and a signal still ends that one."""
    for flags in (["--end-with-stdin"], []):
        async with process("--tables", folder.path, "--drain-seconds", 0, *flags) as proxy:
            await proxy.becomes("/readyz", 200)
            if not flags:
                proxy.running.stdin.close()
                await asyncio.sleep(0.2)
            assert await proxy.status("/readyz") == 200
            proxy.running.terminate()
            await proxy.ended()
