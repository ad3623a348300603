"""Callers are served all the while, whoever is killed and whatever is edited, and each request is counted once."""

import os
import signal
import time
from contextlib import contextmanager

import pytest

from tests.kubernetes.releases import eventually, get, released
from tests.kubernetes.test_faults import serving
from tests.kubernetes.test_operator import half_programmed, named, programmed, routed
from tests.kubernetes.traffic import load
from tests.resources.documents import tier

pytestmark = pytest.mark.kubernetes


@pytest.fixture(scope="module")
def release(control_plane, tmp_path_factory):
    """Operator and two proxies are up; each test has objects of its own."""
    with released(control_plane, tmp_path_factory.mktemp("traffic")) as release:
        start_operator(release)
        release.start_proxies()
        yield release


def start_operator(release):
    """One that writes figures often enough for a test to see them."""
    release.start_operator("--report-every=3")


@contextmanager
def under_load(release, name):
    """Policy and tier of that name, with a steady load on both proxies from the first table to the block's end."""
    with load() as calls:
        provider = {"name": "us", "baseURL": calls.provider}
        answering = tier({"spec.providers": [provider], "spec.models.0.upstreamModel": "Qwen3-8B"})
        release.apply(named(name, answering), routed(name, name), routed(f"{name}-deleted", name))
        eventually(lambda: serving(release, name) == serving(release, f"{name}-deleted") == [1, 1])
        calls.begin(addresses(release, name))
        answered(calls, 20)
        yield calls
    assert calls.failures == []


def addresses(release, name):
    """The policy at both proxies."""
    return [f"{release.url(stand_in)}/{release.namespace}/{name}/v1" for stand_in in release.stand_ins]


def answered(calls, more):
    """Wait until so many more requests have been answered."""
    before = len(calls.answers)
    eventually(lambda: len(calls.answers) >= before + more, seconds=30)


def table(release, name):
    """What answers of the one table say that both proxies have."""
    first, second = (served[f"{release.namespace}/{name}"] for served in release.hashes())
    assert first == second
    return first[:12]


def today(status):
    """Requests of today in a policy's status, as many as there are."""
    return sum(status.get("today", {}).get("requests", {}).values())


def counted(release, name):
    return today(release.object("routingpolicy", name).get("status", {}))


def kill(release, program):
    """It is gone with what it had in memory."""
    release.child("operator").kill() if program == "operator" else release.plane.kill(program)


def start_again(release, program):
    start_operator(release) if program == "operator" else release.plane.start_again(program)


@pytest.mark.parametrize("program", ["operator", "kube-apiserver", "etcd"])
def test_no_caller_notices_a_kill_and_afterwards_edits_flow_and_what_was_deleted_is_gone(release, program):
    """No request fails or is answered by a wrong table. Of the deletion no event ever comes."""
    name = program.removeprefix("kube-")
    with under_load(release, name) as calls:
        old = table(release, name)
        with release.separated():
            release.delete("routingpolicy", f"{name}-deleted")
            kill(release, program)
        try:
            answered(calls, 30)
        finally:
            start_again(release, program)  # other tests need it too
        eventually(lambda: serving(release, f"{name}-deleted") == [None, None], seconds=30)
        before = time.monotonic()
        release.apply(routed(name, name, maxOutputTokens=100))
        eventually(lambda: serving(release, name) == [2, 2], seconds=30)
        after, new = time.monotonic(), table(release, name)
        answered(calls, 20)
    assert new != old
    assert calls.tables(until=before) == {old}
    assert calls.tables(since=before, until=after) <= {old, new}
    assert calls.tables(since=after) == {new}


def test_once_programmed_is_true_no_answer_comes_by_the_old_table(release):
    """It is False from the first write after the edit and as long as one of two proxies lacks the table."""
    with under_load(release, "programmed") as calls:
        old = table(release, "programmed")
        with release.watched("routingpolicy", "programmed") as versions:
            with release.cut_off(release.stand_ins[1]):
                release.apply(routed("programmed", "programmed", maxOutputTokens=100))
                eventually(lambda: half_programmed(release, "programmed"), seconds=20)
                halfway = time.monotonic()
                answered(calls, 20)
                assert not programmed(release, "programmed")
            done = eventually(lambda: programmed(release, "programmed"), seconds=30)
            told = time.monotonic()
        new = table(release, "programmed")
        answered(calls, 20)
    assert calls.tables(since=halfway, until=told) == {old, new}
    assert calls.tables(since=told) == {new}
    said = [
        condition["status"]
        for version in versions
        for condition in version.get("status", {}).get("conditions", [])
        if condition["type"] == "Programmed" and condition["observedGeneration"] == done["observedGeneration"]
    ]
    assert said[0] == "False"
    assert said == sorted(said)


def replace_first_proxy(release):
    """It says its last to the operator and goes; a new process, with counts of its own, takes its place."""
    stand_in = release.stand_ins[0]
    leaving = release.child(stand_in.name)
    os.killpg(leaving.pid, signal.SIGTERM)
    assert leaving.wait(30)
    release.start_proxy(stand_in)
    eventually(lambda: get(f"http://127.0.0.1:{stand_in.admin_port}/readyz")[0] == 200)


def test_a_killed_operator_doubles_and_forgets_no_request(release):
    """Totals of a day only grow, and in the end are what was sent, and what the provider counted.

    Also those of a proxy that is no more, which nobody can be asked for again.
    """
    with under_load(release, "counted") as calls, release.watched("routingpolicy", "counted") as versions:
        both = addresses(release, "counted")
        calls.begin(both[1:])
        answered(calls, 12)  # by then the first proxy has answered its last
        replace_first_proxy(release)
        calls.begin(both)
        for _ in range(2):
            before = counted(release, "counted")
            eventually(lambda before=before: counted(release, "counted") > before, seconds=30)
            release.child("operator").kill()
            answered(calls, 30)
            start_operator(release)
        answered(calls, 10)
        calls.end()
        eventually(lambda: counted(release, "counted") == len(calls.answers), seconds=60)
    shown = [today(version.get("status", {})) for version in versions]
    assert shown == sorted(shown)
    eventually(lambda: tokens(release, "counted") == calls.output_tokens, seconds=30)


def tokens(release, name):
    """Output tokens of today in a tier's status."""
    return int(release.object("modeltier", name)["status"]["today"]["outputTokens"])
