"""`tierway standalone` as a user has it: a folder, a command, requests, edits, and an end in order."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import aiohttp
import pytest
import yaml

from tests.operator.folders import write
from tests.operator.memory import until
from tests.operator.worlds import model_map, model_text
from tierway_cli.__main__ import main
from tierway_cli.provider import Provider
from tierway_cli.standalone.words import greeting, recording
from tierway_operator.folder import locked

PRICE = {"inputPerMillionTokens": "0.05", "outputPerMillionTokens": "0.25"}
HELLO = {"model": "auto", "messages": [{"role": "user", "content": "Hello"}]}
POLICY = "routingpolicy.llm.default"
STARTED, ENDED = 30.0, 30.0


def save(folder, provider_url, **spec):
    meta = {"name": "cheap", "namespace": "llm"}
    provider = {"name": "us", "baseURL": provider_url, "credentialRef": {"name": "keys", "key": "api-key"}}
    model = {"name": "qwen3-8b", "upstreamModel": "Qwen3-8B", "price": PRICE}
    routes = [
        {"class": klass, "candidates": [{"tierRef": {"name": "cheap"}}]} for klass in ("Simple", "Moderate", "Complex")
    ]
    secret = {"name": "keys", "namespace": "llm", "labels": {"tierway.dev/credential": "true"}}
    documents = [
        {"kind": "ModelTier", "metadata": meta, "spec": {"providers": [provider], "models": [model]}},
        {"kind": "RoutingPolicy", "metadata": {**meta, "name": "default"}, "spec": {"routes": routes, **spec}},
    ]
    versioned = [{"apiVersion": "tierway.dev/v1alpha1", **each} for each in documents]
    key = {"apiVersion": "v1", "kind": "Secret", "metadata": secret, "stringData": {"api-key": "sk-it"}}
    (folder / "all.yaml").write_text(yaml.safe_dump_all([*versioned, key]))


@asynccontextmanager
async def served(folder, *flags):
    """The command in a process of its own, with two proxies; yields it, their URLs, and what it says."""
    arguments = ["-m", "tierway_cli", "standalone", str(folder), "--proxies", "2", "--port", "0", "--admin-port", "0"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, "--report-every", "0.3", *flags,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said = []

    async def listen():
        while line := await process.stdout.readline():
            said.append(line.decode())

    listening = asyncio.create_task(listen())
    try:
        await until(lambda: "Ctrl-C ends everything" in "".join(said) or process.returncode is not None, STARTED)
        urls = re.findall(r"http://127.0.0.1:\d+(?=[,\n])", "".join(said))
        yield process, urls, said
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        await asyncio.wait_for(process.wait(), ENDED)
        await listening


def proxy_of(process, url):
    """The pid of the command's child that serves a URL."""
    everyone = ["ps", "-A", "-ww", "-o", "pid=,ppid=,command="]
    listed = subprocess.run(everyone, check=True, capture_output=True, text=True)
    lines = (line.split(None, 2) for line in listed.stdout.splitlines())
    port = url.rpartition(":")[2]
    return next(
        int(pid) for pid, parent, command in lines if int(parent) == process.pid and f"--port {port} " in command
    )


def status(folder, file):
    path = folder / "status" / f"{file}.yaml"
    return yaml.safe_load(path.read_text()).get("status", {}) if path.exists() else {}


def accepted(folder):
    return next(each for each in status(folder, POLICY)["conditions"] if each["type"] == "Accepted")


def refused(said):
    """The conditions of the policy that were said to be False; a failed connection's `ssl=False` is another's."""
    ours = (line for line in "".join(said).splitlines() if "RoutingPolicy llm/default: " in line)
    return [each for line in ours for each in re.findall(r"\w+(?==False)", line)]


def programmed(folder, generation):
    found = status(folder, POLICY)
    return found.get("programmedGeneration") == generation and found["summary"]["programmed"] == "2/2"


async def ask(session, url):
    async with session.post(f"{url}/v1/chat/completions", json=HELLO) as answer:
        body = await answer.json()
        assert answer.status == 200, body
        return body["usage"], answer.headers["X-Tierway-Table"]


async def test_a_folder_is_served_counted_edited_and_left_in_order(tmp_path):
    """Every figure is the provider's own; an edit is in force when it is saved; nothing is lost at the end."""
    async with Provider(seed=1, speed=100, api_key="sk-it").serving() as provider:
        save(tmp_path, provider.url, baseline={"tierRef": {"name": "cheap"}})
        async with served(tmp_path) as (process, urls, said), aiohttp.ClientSession() as session:
            await until(lambda: programmed(tmp_path, 1), STARTED)
            before = {(await ask(session, url))[1] for url in urls * 3}
            assert len(before) == 1

            save(tmp_path, provider.url, baseline={"tierRef": {"name": "cheap"}}, unknownModels="Classify")
            await until(lambda: programmed(tmp_path, 2), 10)
            after = {(await ask(session, url))[1] for url in urls}
            assert len(after | before) == 2

            process.send_signal(signal.SIGINT)
            assert await asyncio.wait_for(process.wait(), ENDED) == 0
            assert "also /v1" in "".join(said)
        served_by = provider.counts()["Qwen3-8B"]
    tier, policy = status(tmp_path, "modeltier.llm.cheap"), status(tmp_path, POLICY)
    cost = served_by["prompt_tokens"] * 50_000 + served_by["completion_tokens"] * 250_000
    assert tier["today"]["requests"] == served_by["requests"] == 8
    assert tier["today"]["outputTokens"] == served_by["completion_tokens"]
    assert tier["today"]["cost"] == policy["today"]["cost"] == f"{Decimal(cost) / 10**12:.6f}"
    assert sum(policy["today"]["requests"].values()) == 8
    assert policy["today"]["savedPercent"] == 0
    assert "incompleteSince" not in policy["today"]


async def test_a_proxy_that_is_killed_comes_back_and_the_others_serve_on(tmp_path):
    """Programmed counts who is there; the terminal says what happened."""
    async with Provider(seed=1, speed=100, api_key="sk-it").serving() as provider:
        save(tmp_path, provider.url)
        async with served(tmp_path) as (process, urls, said), aiohttp.ClientSession() as session:
            await until(lambda: programmed(tmp_path, 1), STARTED)
            os.kill(proxy_of(process, urls[0]), signal.SIGKILL)
            await until(lambda: status(tmp_path, POLICY)["summary"]["programmed"] == "1/1", 10)
            assert "proxy-1 ended with SIGKILL" in "".join(said)
            await ask(session, urls[1])
            await until(lambda: programmed(tmp_path, 1), STARTED)
            await ask(session, urls[0])


async def test_a_broken_edit_is_said_and_harms_nobody(tmp_path):
    """At the terminal and in the status; the last good text stays in force."""
    async with Provider(seed=1, speed=100, api_key="sk-it").serving() as provider:
        save(tmp_path, provider.url)
        async with served(tmp_path) as (_, urls, said), aiohttp.ClientSession() as session:
            await until(lambda: programmed(tmp_path, 1), STARTED)
            whole = (tmp_path / "all.yaml").read_text()
            (tmp_path / "all.yaml").write_text(whole[: len(whole) // 2])
            await until(lambda: "RoutingPolicy llm/default: all.yaml" in "".join(said), 10)
            await until(lambda: accepted(tmp_path)["status"] == "False")
            assert accepted(tmp_path)["message"].startswith("The newest spec is not valid: all.yaml")
            await ask(session, urls[0])
            (tmp_path / "all.yaml").write_text(whole)
            await until(lambda: "RoutingPolicy llm/default: good again" in "".join(said), 10)
            assert refused(said) == []


async def test_a_refused_edit_is_said_and_so_is_its_correction(tmp_path):
    """A typo in a tier's name is valid YAML: the terminal says what the status says, once for each edit."""
    async with Provider(seed=1, speed=100, api_key="sk-it").serving() as provider:
        save(tmp_path, provider.url)
        async with served(tmp_path) as (_, urls, said), aiohttp.ClientSession() as session:
            await until(lambda: programmed(tmp_path, 1), STARTED)
            save(tmp_path, provider.url, baseline={"tierRef": {"name": "chaep"}})
            why = "RoutingPolicy llm/default: Accepted=False, ResolvedRefs=False (TierNotFound): spec.baseline:"
            await until(lambda: f"{why} there is no ModelTier llm/chaep" in "".join(said), 10)
            await ask(session, urls[0])
            save(tmp_path, provider.url, baseline={"tierRef": {"name": "cheap"}})
            again = "RoutingPolicy llm/default: Accepted=True, ResolvedRefs=True again"
            await until(lambda: again in "".join(said), 10)
            assert refused(said) == ["Accepted", "ResolvedRefs"]


async def test_a_policys_own_model_is_taken_up_changed_and_kept_when_it_is_lost(tmp_path):
    """Saving its ConfigMap is enough: no edit of the policy, no restart; the proxies load table and model as one."""
    own = {"modelRef": {"name": "support"}, "boundaries": {"moderatePercent": 1, "complexPercent": 1}}
    async with Provider(seed=1, speed=100, api_key="sk-it").serving() as provider:
        save(tmp_path, provider.url)
        async with served(tmp_path) as (_, urls, said), aiohttp.ClientSession() as session:
            await until(lambda: programmed(tmp_path, 1), STARTED)
            assert status(tmp_path, POLICY)["classifier"] == {"model": "general"}
            save(tmp_path, provider.url, classifier=own)
            missing = "(ModelNotFound): spec.classifier.modelRef: there is no ConfigMap llm/support; create it"
            await until(lambda: missing in "".join(said), 10)
            tables = [(await ask(session, urls[0]))[1]]
            for labels in (20, 40):
                write(tmp_path / "support.yaml", model_map(**{"model.json": model_text(labels=labels)}))
                told = {"model": "support", "labels": labels}
                await until(lambda told=told: status(tmp_path, POLICY)["classifier"] == told, 10)
                await until(lambda: programmed(tmp_path, 2), 10)
                found = {(await ask(session, url))[1] for url in urls}
                assert len(found) == 1
                tables += found
            assert len(set(tables)) == 3
            await until(lambda: status(tmp_path, POLICY)["today"]["requests"]["complex"] == 4, 10)
            (tmp_path / "support.yaml").unlink()
            await until(lambda: "ResolvedRefs=False (ModelNotFound)" in "".join(said), 10)
            assert accepted(tmp_path)["status"] == "True"
            assert (await ask(session, urls[0]))[1] == tables[-1]


async def test_prompts_are_recorded_when_asked_for(tmp_path):
    """Of all policies that are there, redacted, below a directory of one's choice."""
    folder, recorded = tmp_path / "yaml", tmp_path / "recorded"
    folder.mkdir()
    async with Provider(seed=1, speed=100, api_key="sk-it").serving() as provider:
        save(folder, provider.url)
        flags = ("--record-to", str(recorded), "--record-percent", "100")
        async with served(folder, *flags) as (_, urls, said), aiohttp.ClientSession() as session:
            told = f"Recorded below {recorded}, redacted: 100% of the prompts that are classified for llm/default.\n"
            assert told in "".join(said)
            await until(lambda: programmed(folder, 1), STARTED)
            for url in urls:
                await ask(session, url)
            await until(lambda: len(list(recorded.rglob("*.jsonl"))) == 2, 10)
    files = list(recorded.glob("llm__default/*.jsonl"))
    assert [json.loads(each.read_text())["request"] for each in files] == [{"messages": HELLO["messages"]}] * 2


async def test_proxies_do_not_outlive_a_killed_command(tmp_path):
    """Nobody would count what they serve, and their ports would be taken when it is started again."""
    async with Provider(seed=1, speed=100, api_key="sk-it").serving() as provider:
        save(tmp_path, provider.url)
        async with served(tmp_path) as (process, urls, _):
            pids = [proxy_of(process, url) for url in urls]
            process.kill()
            await process.wait()
            await until(lambda: not any(map(alive, pids)), 10)
        logs = (tmp_path / ".tierway" / "log").iterdir()
        assert [file.read_text().count('"alone": true') for file in logs] == [1, 1]


def alive(pid):
    """Whether there is such a process; one that is dead and that nobody has waited for is none."""
    found = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], check=False, capture_output=True, text=True)  # noqa: S607
    return bool(found.stdout.strip()) and not found.stdout.startswith("Z")


async def test_a_ctrl_c_while_it_starts_shows_no_traceback(tmp_path):
    """As soon as it has begun, and a moment later."""
    for marker in (".tierway/lock", ".tierway/log/proxy-1.log"):
        folder = tmp_path / marker.replace("/", "-")
        folder.mkdir()
        save(folder, "http://127.0.0.1:9/v1")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tierway_cli", "standalone", str(folder), "--port", "0", "--admin-port", "0",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        await until((folder / marker).exists, STARTED)
        process.send_signal(signal.SIGINT)
        said, _ = await asyncio.wait_for(process.communicate(), ENDED)
        assert process.returncode in (0, 130), said.decode()
        assert b"Traceback" not in said


async def test_only_policies_that_are_served_have_an_address(tmp_path):
    """Another has the sentence that says why; what is of a kind that nobody knows is named, too."""
    async with Provider(seed=1, speed=100, api_key="sk-it").serving() as provider:
        save(tmp_path, provider.url)
        text = (tmp_path / "all.yaml").read_text()
        (policy,) = (each for each in yaml.safe_load_all(text) if each["kind"] == "RoutingPolicy")
        other = {**policy, "metadata": {"name": "other", "namespace": "llm"}}
        other["spec"] = {**policy["spec"], "baseline": {"tierRef": {"name": "chaep"}}}
        strange = {**policy, "kind": "RoutingPolcy", "metadata": {"name": "third", "namespace": "llm"}}
        (tmp_path / "more.yaml").write_text(yaml.safe_dump_all([other, strange]))
        async with served(tmp_path) as (_, urls, said):
            told = "".join(said)
            assert f"  {urls[0]}/llm/default/v1   (also /v1)\n" in told
            assert "/llm/other/v1" not in told
            assert "  llm/other is not served: spec.baseline: there is no ModelTier llm/chaep" in told
            assert "more.yaml: RoutingPolcy llm/third is ignored" in told


class TestGreeting:
    """What is said once the proxies are ready."""

    def test_without_a_policy_that_is_served_nothing_is_there_to_be_asked(self):
        """No address, and no command to try that could only fail."""
        text = greeting(Path("yaml"), ["http://a:1"], {"llm/default": "It is broken."}, "llm/default")
        assert text.splitlines()[1:] == [
            "  llm/default is not served: It is broken.",
            "What the proxies log is in yaml/.tierway/log.",
            "",
            "Edit the YAML in yaml: it is served as soon as it is good. Ctrl-C ends everything in order.",
        ]

    @pytest.mark.parametrize(
        ("names", "there"), [({"llm/default": None, "llm/other": "Broken."}, "llm/default, llm/other"), ({}, "none")]
    )
    def test_a_default_policy_that_there_is_not_is_told(self, names, there):
        """It is misspelt, or still to be saved; one that is there, though broken, is no such thing."""
        text = greeting(Path("y"), ["http://a:1"], names, "llm/nope")
        told = f"  --default-policy llm/nope does not exist yet; /v1 answers 503 until it does. There is: {there}"
        assert text.splitlines()[1] == told
        assert "does not exist" not in greeting(Path("y"), ["http://a:1"], {"llm/other": "Broken."}, "llm/other")

    def test_what_is_recorded_is_told_before_what_there_is_to_try(self):
        """Whoever asks something then knows that it is kept, and where; a part of a percent is told as it was given."""
        recorded = recording(Path("kept"), 0.5, ["llm/default", "llm/other"])
        text = greeting(Path("y"), ["http://a:1"], {"llm/default": None}, "llm/default", recorded)
        assert text.splitlines()[1:6] == [
            "  http://a:1/llm/default/v1   (also /v1)",
            "Recorded below kept, redacted: 0.5% of the prompts that are classified for llm/default, llm/other.",
            "  tierway label kept -o labels.jsonl",
            "What the proxies log is in y/.tierway/log.",
            "",
        ]

    def test_without_recording_nothing_is_said_of_it(self):
        """It is off unless it is asked for."""
        assert "ecord" not in greeting(Path("y"), ["http://a:1"], {"llm/default": None}, "llm/default")

    def test_a_long_fault_is_cut(self):
        """The log has said all of it just before."""
        text = greeting(Path("y"), ["http://a:1"], {"llm/default": "It is broken. " * 50}, None)
        assert max(map(len, text.splitlines())) < 200

    def test_what_there_is_to_try_is_of_a_policy_that_is_served(self):
        """Also where the default one is not."""
        names = {"llm/default": "It is broken.", "llm/other": None}
        assert "http://a:1/llm/other/v1/chat/completions" in greeting(Path("y"), ["http://a:1"], names, "llm/default")

    def test_a_folder_without_a_policy_says_that_one_is_wanted(self):
        """It is served as soon as it is saved."""
        assert "There is no RoutingPolicy in y yet" in greeting(Path("y"), ["http://a:1"], {}, None)


class TestRefusals:
    """What stops the command before it starts, in a sentence."""

    def test_a_folder_that_is_not_there(self, tmp_path, capsys):
        """It is not made: it was probably misspelt."""
        assert main(["standalone", str(tmp_path / "nowhere")]) == 1
        assert "is no folder" in capsys.readouterr().err
        assert not (tmp_path / "nowhere").exists()

    def test_a_folder_that_is_served_already(self, tmp_path, capsys):
        """Two loops on one folder would publish against each other."""
        with locked(tmp_path):
            assert main(["standalone", str(tmp_path)]) == 1
        assert "is served already, by process" in capsys.readouterr().err

    def test_recording_without_a_policy(self, tmp_path, capsys):
        """Nothing could ever be written; whoever asked for it should know."""
        assert main(["standalone", str(tmp_path), "--record-to", str(tmp_path / "recorded")]) == 1
        assert "nothing that --record-to may record" in capsys.readouterr().err

    @pytest.mark.parametrize("flag", ["--port", "--admin-port"])
    def test_a_port_that_is_taken(self, flag, tmp_path, capsys):
        """Named with the flag that gave it, before anything is started."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            free = {"--port": "0", "--admin-port": "0"} | {flag: str(port)}
            assert main(["standalone", str(tmp_path), *(each for pair in free.items() for each in pair)]) == 1
        told = f"Error: port {port} of 127.0.0.1 cannot be had (Address already in use); give another {flag}.\n"
        assert capsys.readouterr().err == told

    @pytest.mark.parametrize("flag", ["--port", "--admin-port", "--health-port"])
    @pytest.mark.parametrize("given", ["70000", "-1", "http"])
    def test_what_is_no_port(self, flag, given, tmp_path, capsys):
        """Before the folder is touched."""
        with pytest.raises(SystemExit) as ended:
            main(["standalone", str(tmp_path), f"{flag}={given}"])
        assert ended.value.code == 2
        assert f"argument {flag}: " in capsys.readouterr().err
        assert not list(tmp_path.iterdir())

    def test_a_last_port_that_leaves_none_for_the_second_proxy(self, tmp_path, capsys):
        """Each proxy has the port after the one before."""
        ports = ["--port", "0", "--admin-port", "65535", "--proxies", "2"]
        assert main(["standalone", str(tmp_path), *ports]) == 1
        assert (
            "port 65536 of 127.0.0.1 is beyond 65535, the last one; give a lower --admin-port"
            in capsys.readouterr().err
        )
