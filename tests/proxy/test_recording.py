"""Recording for labelling, on real sockets and a real disk: what is written, and that nothing of it costs a request."""

import asyncio
import json
import os
import stat
import threading
from argparse import ArgumentParser

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.core.tables import catalog, model
from tests.provider.wire import ask, eventually
from tests.proxy.asks import ASK, user
from tests.proxy.harness import Folder
from tests.proxy.processes import process
from tests.proxy.tables import MODEL, POLICY, chain
from tierway_proxy.command import run
from tierway_proxy.core.health import Health
from tierway_proxy.core.plan import decide
from tierway_proxy.core.recording import Record, line, snapshot
from tierway_proxy.shell import recording as recording_module
from tierway_proxy.shell.recording import OUTCOMES, Files, Recorder
from tierway_proxy.shell.settings import Recording, add_arguments, from_arguments

OTHER = "llm/other"
MIB = 1 << 20


def wanted(folder, **changed):
    plain = {"directory": folder, "policies": frozenset({POLICY}), "percent": 100, "most_bytes": MIB}
    return Recording(**plain | changed)


def plan(fields):
    return decide(catalog(model("small")), fields, {}, Health(), 0.0)


def lines(folder):
    return [json.loads(line) for file in sorted(folder.rglob("*.jsonl")) for line in file.read_text().splitlines()]


async def counts(proxy):
    """What became of the samples of the policy, by `/metrics`."""
    _, text = await proxy.get("/metrics")
    found = [each for family in text_string_to_metric_families(text) for each in family.samples]
    mine = [each for each in found if each.name == "tierway_recorded_requests_total"]
    return {each.labels["outcome"]: each.value for each in mine if each.labels["policy"] == POLICY}


async def counted(proxy, **expected):
    """Wait until so many have been dealt with; the thread is a little behind."""
    async with asyncio.timeout(10):
        while await counts(proxy) != dict.fromkeys(OUTCOMES, 0) | expected:  # noqa: ASYNC110 (another thread)
            await asyncio.sleep(0.01)


async def test_a_request_of_a_recorded_policy_is_written_redacted(start, front, tmp_path):
    """And neither a pinned one, nor one with a class by header, nor a refused one, nor another policy's."""
    folder = tmp_path / "recorded"
    tables = (chain(front.url), chain(front.url, policy=OTHER))
    proxy = await start(*tables, recording=wanted(folder))
    prompt = "I am jane@example.com, my key is sk-proj-abcd1234efgh5678. How do refunds work?"
    sent = {"model": "auto", "messages": user(prompt), "user": "jane", "metadata": {"team": "secret-team"}}
    for body in (
        sent,
        {**sent, "model": MODEL, "messages": user("pinned to a model")},
        {**sent, "model": "llm/first", "messages": user("pinned to a tier")},
        {**sent, "model": "nobody", "messages": user("refused")},
    ):
        await ask(proxy, body)
    await ask(proxy, {**sent, "messages": user("by header")}, headers={"X-Tierway-Class": "Complex"})
    async with proxy._session.post(f"{proxy.root}/{OTHER}/v1/chat/completions", json=sent) as answer:
        assert answer.status == 200
    async with proxy._session.post(f"{proxy.url}/route", json=sent) as answer:
        explained = await answer.json()
    await counted(proxy, written=1)
    (file,) = [each for each in folder.rglob("*") if each.is_file()]
    instance = (await proxy.observations()).instance
    assert file == folder / "llm__default" / f"{instance}.jsonl"
    (said,) = lines(folder)
    assert said["request"] == {"messages": user("I am [e-mail], my key is [key]. How do refunds work?")}
    assert (said["policy"], said["class"], said["table"]) == (POLICY, explained["class"], explained["table"])
    assert said["probabilities"] == pytest.approx(list(explained["probabilities"].values()), abs=1e-4)
    assert said["reasons"] == explained["reasons"]


async def test_files_are_for_their_user_alone(start, front, tmp_path):
    """Prompts are what callers told this proxy and nobody else."""
    folder = tmp_path / "deep" / "recorded"
    proxy = await start(chain(front.url), recording=wanted(folder))
    before = os.umask(0)
    try:
        await ask(proxy, ASK)
        await counted(proxy, written=1)
    finally:
        os.umask(before)
    (file,) = folder.rglob("*.jsonl")
    assert [stat.S_IMODE(each.stat().st_mode) for each in (file, file.parent, folder)] == [0o600, 0o700, 0o700]


async def test_without_being_asked_nothing_is_recorded(proxy, tmp_path):
    """The default: no thread, no file, no series."""
    await ask(proxy, ASK)
    assert await counts(proxy) == {}
    assert not list(tmp_path.rglob("*.jsonl"))
    assert "recording" not in [each.name for each in threading.enumerate()]


async def test_a_full_directory_costs_no_request(start, front, tmp_path, caplog):
    """Recording stops at its bound and says so once."""
    folder = tmp_path / "recorded"
    (folder / "llm__other").mkdir(parents=True)
    (folder / "llm__other" / "earlier.jsonl").write_bytes(b"x" * MIB)
    proxy = await start(chain(front.url), recording=wanted(folder))
    for _ in range(3):
        assert (await ask(proxy, ASK)).status == 200
    await counted(proxy, full=3)
    assert [each.getMessage() for each in caplog.records].count("recording stops: its directory is full") == 1
    assert len(list(folder.rglob("*.jsonl"))) == 1


async def test_a_broken_disk_costs_no_request(start, front, tmp_path, caplog):
    """A directory that cannot be made: each record is counted as failed, the reason is logged once."""
    (tmp_path / "file").write_text("no directory")
    proxy = await start(chain(front.url), recording=wanted(tmp_path / "file" / "recorded"))
    for _ in range(3):
        assert (await ask(proxy, ASK)).status == 200
    await counted(proxy, failed=3)
    assert [each.getMessage() for each in caplog.records].count("recording fails; requests do not") == 1


async def test_a_hung_disk_costs_no_request_and_bounded_memory(start, front, tmp_path, monkeypatch):
    """What does not fit into the queue is dropped; what did is written when the disk comes back."""
    hung, released = threading.Event(), threading.Event()

    def slow(self, kept):
        hung.set()
        released.wait(10)
        return real(self, kept)

    real = Files.write
    monkeypatch.setattr(Files, "write", slow)
    monkeypatch.setattr(recording_module, "_MOST_WAITING", 4)
    proxy = await start(chain(front.url), recording=wanted(tmp_path / "recorded"))
    try:
        await ask(proxy, ASK)
        await eventually(hung.is_set)
        for _ in range(7):
            assert (await ask(proxy, ASK)).status == 200
        assert (await counts(proxy))["dropped"] == 3
    finally:
        released.set()
    await counted(proxy, written=5, dropped=3)


async def test_a_fault_of_ours_costs_one_record(start, front, tmp_path, monkeypatch, caplog):
    """Not the thread that writes all of them."""
    proxy = await start(chain(front.url), recording=wanted(tmp_path / "recorded"))
    with monkeypatch.context() as broken:
        broken.setattr(recording_module, "line", lambda kept: {}[kept])
        assert (await ask(proxy, ASK)).status == 200
        await counted(proxy, failed=1)
    await ask(proxy, ASK)
    await counted(proxy, failed=1, written=1)
    assert "a record ended in a fault of ours" in caplog.text


async def test_what_waits_at_the_end_is_written(tmp_path, front):
    """A process that is told to go takes none of its records along."""
    release, folder = Folder(tmp_path / "release"), tmp_path / "recorded"
    release.publish(chain(front.url))
    flags = ("--record-to", folder, "--record-policy", POLICY, "--record-percent", "100")
    async with process("--tables", release.path, "--drain-seconds", 0, *flags) as proxy:
        async with asyncio.timeout(10):
            while await proxy.status("/readyz") != 200:  # noqa: ASYNC110 (another process)
                await asyncio.sleep(0.01)
        for _ in range(5):
            async with proxy.session.post(f"{proxy.url}/chat/completions", json=ASK) as answer:
                assert answer.status == 200
        proxy.running.terminate()
        await proxy.ended()
        said = [each for each in proxy.log if each["message"] == "recording prompts"]
        assert [(each["policies"], each["percent"]) for each in said] == [([POLICY], 100.0)]
    assert len(lines(folder)) == 5


class TestFiles:
    """The directory and its bound, with the clock in hand."""

    @staticmethod
    def kept(text, policy=POLICY):
        fields = {"messages": user(text)}
        return Record(0.0, policy, "t", plan(fields).ask, snapshot(fields))

    def test_the_bound_holds_to_the_byte(self, tmp_path):
        """However small the last record is."""
        files = Files(wanted(tmp_path, most_bytes=4000), "i")
        outcomes = [files.write(self.kept("words " * (number % 9))) for number in range(60)]
        size = sum(each.stat().st_size for each in tmp_path.rglob("*.jsonl"))
        assert 3000 < size <= 4000
        assert outcomes.count("full") > 30
        assert outcomes == sorted(outcomes, reverse=True)  # written, written, …, full, full

    def test_what_just_fits_is_written_and_after_what_does_not_nothing_is(self, tmp_path):
        """Otherwise the last room would go to short prompts alone, and a sample of those misleads."""
        size = len(line(self.kept("word")))
        exact, short = (Files(wanted(tmp_path / name, most_bytes=2 * size), "i") for name in ("exact", "short"))
        assert [exact.write(self.kept("word")) for _ in range(3)] == ["written", "written", "full"]
        assert [short.write(self.kept(text)) for text in ("word", "words " * 99, "word")] == ["written", "full", "full"]

    def test_room_that_somebody_makes_is_used(self, tmp_path):
        """People delete what they have labelled, and need not restart proxies for it."""
        now = 0.0
        files = Files(wanted(tmp_path, most_bytes=4000), "i", lambda: now)
        while files.write(self.kept("word")) == "written":
            pass
        (file,) = tmp_path.rglob("*.jsonl")
        file.unlink()
        assert files.write(self.kept("word")) == "full"
        now += 6
        assert files.write(self.kept("word")) == "written"
        assert len(lines(tmp_path)) == 1

    def test_others_in_the_directory_count(self, tmp_path):
        """Proxies may share a volume; none may fill it alone, nor all together by much."""
        now = 0.0
        first, second = (Files(wanted(tmp_path, most_bytes=4000), name, lambda: now) for name in "ab")
        assert second.write(self.kept("word")) == "written"
        while first.write(self.kept("word")) == "written":
            pass
        now += 6
        assert second.write(self.kept("words " * 9)) == "full"

    def test_half_a_line_is_taken_back(self, tmp_path, monkeypatch):
        """A disk that is full in the middle of a line would spoil the next one, too."""

        class Short:
            """A file that takes ten bytes of each line."""

            def __init__(self, file):
                self.file, self.fileno, self.truncate = file, file.fileno, file.truncate

            def __enter__(self):
                return self

            def __exit__(self, *_):
                self.file.close()

            def write(self, data):
                return self.file.write(data[:10])

        files = Files(wanted(tmp_path), "i")
        assert files.write(self.kept("first")) == "written"
        with monkeypatch.context() as broken:
            opened = files._opened
            broken.setattr(files, "_opened", lambda policy: Short(opened(policy)))
            assert files.write(self.kept("second")) == "failed"
        assert files.write(self.kept("third")) == "written"
        assert [each["request"]["messages"][0]["content"] for each in lines(tmp_path)] == ["first", "third"]


@pytest.mark.parametrize(("drawn", "outcome"), [(0.0, 1), (0.0099, 1), (0.01, 0), (0.5, 0)])
def test_requests_are_sampled_by_a_number_that_nobody_chooses(tmp_path, drawn, outcome):
    """One in a hundred of all requests, whoever sends them."""
    recorded = {}
    recorder = Recorder(wanted(tmp_path, percent=1), "i", recorded, lambda: drawn)
    recorder.offer(plan(ASK), ASK)
    recorder._end()
    assert len(lines(tmp_path)) == recorded[POLICY, "written"] == outcome


class TestFlags:
    """What may be asked for, and in which words it is refused."""

    @staticmethod
    def given(*flags):
        parser = ArgumentParser()
        add_arguments(parser)
        return parser.parse_args([str(each) for each in flags])

    def test_recording_is_off_unless_asked_for(self):
        """No flag, no recording."""
        assert from_arguments(self.given()).recording is None

    def test_a_directory_and_policies_turn_it_on(self, tmp_path):
        """One in a hundred, up to 64 MiB."""
        given = self.given("--record-to", tmp_path, "--record-policy", "a/b", "--record-policy", "c/d")
        expected = Recording(directory=tmp_path, policies=frozenset({"a/b", "c/d"}), percent=1.0, most_bytes=64 << 20)
        assert from_arguments(given).recording == expected

    @pytest.mark.parametrize(
        ("flags", "said"),
        [(["--record-to", "x"], "wants a --record-policy"), (["--record-policy", "a/b"], "--record-to must say where")],
    )
    def test_a_directory_without_policies_is_refused(self, flags, said, capsys):
        """Each policy is opted in by name; and the other way round."""
        assert run(self.given(*flags)) == 2
        assert said in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("flag", "value"),
        [
            *(("--record-percent", each) for each in ("0", "-1", "100.1", "nan", "some")),
            *(("--record-max-mebibytes", each) for each in ("0", "1.5")),
            *(("--record-policy", each) for each in ("default", "../etc", "a/../b", "A/b", "a/b/c", "")),
        ],
    )
    def test_a_value_that_cannot_be_is_refused(self, flag, value, capsys):
        """A policy's name is part of a path."""
        with pytest.raises(SystemExit):
            self.given(f"{flag}={value}")
        assert flag in capsys.readouterr().err
