"""When the operator is alive, and when it is current."""

from argparse import Namespace

import pytest
from aiohttp.test_utils import TestClient, TestServer

from tierway_cli import version
from tierway_operator.health import OUTDATED_SECONDS, STALLED_SECONDS, Health, application


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def health(clock):
    return Health(clock)


def test_an_outage_of_the_api_is_no_reason_to_restart(health, clock):
    """A LIST that failed beats too; only currency is lost."""
    health.listed()
    for _ in range(10):
        clock.now += STALLED_SECONDS / 2
        health.tried()
    assert health.alive
    assert not health.current


def test_a_loop_that_stopped_trying_is_dead(health, clock):
    """Nothing else would end it."""
    clock.now += STALLED_SECONDS + 1
    assert not health.alive


def test_it_is_current_only_after_a_list_of_both_kinds(health, clock):
    """And for as long as that list is recent."""
    assert not health.current
    health.listed()
    assert health.current
    clock.now += OUTDATED_SECONDS + 1
    assert not health.current


async def test_the_endpoints_say_it_with_a_sentence(health, clock):
    """For the kubelet by code, for people by text, for Prometheus by number."""
    async with TestClient(TestServer(application(health))) as client:
        assert (await client.get("/healthz")).status == 200
        readiness = await client.get("/readyz")
        assert (readiness.status, await readiness.text()) == (503, "both kinds could not be listed lately")
        health.listed()
        health.status_refused()
        health.claimed_elsewhere(2)
        clock.now += 7
        assert (await client.get("/readyz")).status == 200
        metrics = await (await client.get("/metrics")).text()
        assert "tierway_operator_last_list_age_seconds 7.0" in metrics
        assert "tierway_operator_claimed_elsewhere_namespaces 2.0" in metrics
        assert "tierway_operator_refused_status_writes_total 1.0" in metrics


async def test_metrics_say_which_version_runs(health, capsys):
    """The one that `tierway version` prints."""
    version.run(Namespace())
    printed = capsys.readouterr().out.strip()
    async with TestClient(TestServer(application(health))) as client:
        assert f'tierway_build_info{{version="{printed}"}} 1.0' in await (await client.get("/metrics")).text()
