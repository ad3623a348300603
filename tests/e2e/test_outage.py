"""The API server is away for two minutes: callers do not notice, and a restarted proxy serves whom it served.

kubectl has nobody to talk to then: this machine asks the pods itself.
"""

import http.client
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from localkube import Cluster
from tests.e2e.callers import Caller
from tests.e2e.installation import FIGURES_SECONDS, Installation
from tests.e2e.load import Load, lost
from tests.e2e.waiting import comes_to, eventually

pytestmark = pytest.mark.e2e
OUTAGE_SECONDS = 120.0
VERDICT_SECONDS = 60.0  # so long a proxy believes a token without asking again, as long as it can ask
RESTART_SECONDS = 30.0
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
    installation.install()
    installation.apply_example()
    installation.wait_until_programmed()
    return installation


@contextmanager
def no_api_server(cluster: Cluster) -> Iterator[float]:
    """For two minutes; gives when it began."""
    began = time.monotonic()
    cluster.kill("kube-apiserver")
    try:
        yield began
        time.sleep(max(0.0, began + OUTAGE_SECONDS - time.monotonic()))
    finally:
        cluster.start_again("kube-apiserver")


def test_nobody_notices_two_minutes_without_an_api_server(
    cluster: Cluster, installed: Installation, caller: Caller, load: Load
) -> None:
    """Known tokens pass beyond the minute that a verdict lives; unknown ones are told to come again, not refused."""
    proxies = [Proxy(pod["status"]["podIP"], pod["metadata"]["uid"]) for pod in installed.pods("proxy")]
    known, unknown = caller.token(), cluster.token(installed.namespace, "default", ["tierway"])
    assert [proxy.status(known) for proxy in proxies] == [200, 200]
    with no_api_server(cluster) as began:
        assert [proxy.status(known) for proxy in proxies] == [200, 200]
        assert [proxy.status(unknown) for proxy in proxies] == [503, 503]
        time.sleep(max(0.0, began + VERDICT_SECONDS + 5 - time.monotonic()))
        assert [proxy.status(known) for proxy in proxies] == [200, 200]
        killed = _killed(cluster, proxies[0])
        assert proxies[0].status(known) == 200
        assert proxies[0].status(unknown) == 503
    load.go_on(20)
    installed.wait_until_programmed()
    assert [proxy.status(unknown) for proxy in proxies] == [200, 200]
    answers = load.stop()
    for each in lost(answers):
        assert each.stream, each
        assert each.start < killed[1], each
        assert each.end > killed[0], each
    tried_again = [each for each in answers if each.retries]
    assert all(each.start < killed[1] and each.end > killed[0] for each in tried_again)
    comes_to(lambda: "incompleteSince" in installed.today(), True, FIGURES_SECONDS)


def _killed(cluster: Cluster, proxy: Proxy) -> tuple[float, float]:
    """Kill its process, and wait until the kubelet has another that is ready; when it began and ended to be away."""
    began = time.time()
    for process, command in cluster.processes(proxy.uid).items():
        if "tierway_proxy" in command:
            os.kill(process, signal.SIGKILL)
    eventually(proxy.is_ready, RESTART_SECONDS, "the killed proxy is ready again")
    return began, time.time()


def test_an_edit_arrives_at_once_after_the_outage(installed: Installation) -> None:
    """Watches are back."""
    installed.patch("routingpolicy", "default", {"spec": {"streaming": {"bufferBytes": 16384}}})
    installed.wait_until_programmed(seconds=10)
