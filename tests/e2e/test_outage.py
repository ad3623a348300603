"""The API server is away for two minutes: callers do not notice, and a restarted proxy serves whom it served.

kubectl has nobody to talk to then: this machine asks the pods itself.
"""

import http.client
import json
import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from localkube import Cluster
from tests.e2e.accounts import Counted, totals_come_to, wait_for_a_day_with_room
from tests.e2e.callers import Caller
from tests.e2e.installation import FIGURES_SECONDS, Installation
from tests.e2e.kills import Kill
from tests.e2e.load import Answer, Load
from tests.e2e.waiting import comes_to, eventually

pytestmark = pytest.mark.e2e
OUTAGE_SECONDS = 120.0
VERDICT_SECONDS = 60.0  # so long a proxy believes a token without asking again, as long as it can ask
RESTART_SECONDS = 30.0
SERVED = 100  # of ten callers in two minutes: half of what they get on a machine that is busy; who hangs gets a dozen
HANGS_SECONDS = 20.0  # not how fast it is, only that nobody waits for the API server
BODY = json.dumps({"model": "auto", "messages": [{"role": "user", "content": "Which day comes after Monday?"}]})


@dataclass(frozen=True)
class Proxy:
    """A proxy's pod, by what is known of it without an API server."""

    address: str
    uid: str

    def status(self, token: str) -> int:
        """What a request with that token is answered; 0 when nobody answers."""
        try:
            return self._call(8080, "POST", "/v1/chat/completions", token)
        except OSError:
            return 0

    def is_ready(self) -> bool:
        try:
            return self._call(9090, "GET", "/readyz") == 200
        except OSError:
            return False

    def _call(self, port: int, method: str, path: str, token: str = "") -> int:
        connection = http.client.HTTPConnection(self.address, port, timeout=30)
        try:
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
            connection.request(method, path, BODY if method == "POST" else None, headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status
        finally:
            connection.close()


@pytest.fixture(scope="module")
def installed(installation: Installation) -> Installation:
    wait_for_a_day_with_room()
    installation.install()
    installation.apply_example()
    installation.wait_until_programmed()
    return installation


@contextmanager
def no_api_server(cluster: Cluster) -> Iterator[float]:
    """For two minutes; gives when it began."""
    cluster.kill("kube-apiserver")
    began = time.time()
    try:
        yield began
        time.sleep(max(0.0, began + OUTAGE_SECONDS - time.time()))
    finally:
        cluster.start_again("kube-apiserver")


def test_nobody_notices_two_minutes_without_an_api_server(
    cluster: Cluster, installed: Installation, caller: Caller, load: Load
) -> None:
    """Known tokens pass beyond the minute that a verdict lives; unknown ones are told to come again, not refused."""
    pods = installed.pods("proxy")
    proxies = [Proxy(pod["status"]["podIP"], pod["metadata"]["uid"]) for pod in pods]
    known, unknown = caller.token(), cluster.token(installed.namespace, "default", ["tierway"])
    assert [proxy.status(known) for proxy in proxies] == [200, 200]
    kill = Kill(installed, pods[0])
    with no_api_server(cluster) as began:
        assert [proxy.status(known) for proxy in proxies] == [200, 200]
        assert [proxy.status(unknown) for proxy in proxies] == [503, 503]
        time.sleep(max(0.0, began + VERDICT_SECONDS + 5 - time.time()))
        assert [proxy.status(known) for proxy in proxies] == [200, 200]
        with kill.under_way():
            _kill(cluster, proxies[0])
        assert proxies[0].status(known) == 200
        assert proxies[0].status(unknown) == 503
    kill.wait_until_replaced()
    load.go_on(20)
    assert [proxy.status(unknown) for proxy in proxies] == [200, 200]
    answers = load.stop()
    _assert_they_were_served(answers, began, began + OUTAGE_SECONDS)
    least, most = kill.least_and_most(answers)
    tried_again = [each for each in answers if each.retries]
    assert all(each.start < kill.ends and each.end > kill.begins for each in tried_again)
    # ours: nine that were answered 200, of which the last before the kill was perhaps not read
    totals_come_to(installed, Counted(least + 8, most + 9))
    comes_to(lambda: "incompleteSince" in installed.today(), True, FIGURES_SECONDS)


def _assert_they_were_served(answers: Sequence[Answer], began: float, ended: float) -> None:
    """In that time they were, many and soon: callers that hang until it is over have lost nothing, either."""
    asked = [each for each in answers if began < each.start < ended]
    served = [each for each in asked if each.whole and each.end < ended]
    first = sorted((each.first or each.end) - each.start for each in asked)
    assert len(served) > SERVED, f"{len(served)} of {len(asked)}"
    assert first[len(first) * 95 // 100] < HANGS_SECONDS, first[-len(first) // 20 :]


def _kill(cluster: Cluster, proxy: Proxy) -> None:
    """Kill its process, and wait until the kubelet has another that is ready."""
    for process, command in cluster.processes(proxy.uid).items():
        if "tierway_proxy" in command:
            os.kill(process, signal.SIGKILL)
    eventually(proxy.is_ready, RESTART_SECONDS, "the killed proxy is ready again")


def test_an_edit_arrives_at_once_after_the_outage(installed: Installation) -> None:
    """Watches are back."""
    installed.patch("routingpolicy", "default", {"spec": {"streaming": {"bufferBytes": 16384}}})
    installed.wait_until_programmed(seconds=10)
