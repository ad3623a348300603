"""A proxy whose process is killed: which answers were its own, by its fellows' access logs, and when it is replaced."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from tests.e2e.installation import Installation
from tests.e2e.load import Answer, lost
from tests.e2e.waiting import eventually

SCRAPE_SECONDS = 10.0
LATE_SECONDS = 3.0  # on a busy machine a caller has read an end so much later than the proxy wrote it
REPLACED_SECONDS = 60.0


class Kill:
    """Of a proxy's process. Made before it, when the API server can still say which others there are."""

    def __init__(self, release: Installation, pod: Any) -> None:
        self._release = release
        self._survivors = release.pod_names("proxy") - {pod["metadata"]["name"]}
        self._before = _ready_containers(release)
        self._killed = {status["containerID"] for status in pod["status"]["containerStatuses"]}
        self.begins = self.ends = 0.0

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """The block kills it, and ends when nobody can be answered by that process any more."""
        self.begins = time.time()
        yield
        self.ends = time.time()

    def wait_until_replaced(self) -> None:
        """Another process is ready in its place, and serves what was written after the kill.

        A status from before the kill says 2/2 as well, so it takes an edit: that cannot be served by who is gone.
        """
        eventually(self._is_replaced, REPLACED_SECONDS, "another process is ready in place of the killed one")
        streaming = self._release.object("routingpolicy", "default")["spec"].get("streaming", {})
        change = {"bufferBytes": streaming.get("bufferBytes", 65536) + 1024}
        self._release.patch("routingpolicy", "default", {"spec": {"streaming": change}})
        self._release.wait_until_programmed(len(self._before))

    def _is_replaced(self) -> bool:
        ready = _ready_containers(self._release)
        return len(ready) == len(self._before) and not ready & self._killed

    def least_and_most(self, answers: Sequence[Answer]) -> tuple[int, int]:
        """What totals may have of them; fails when anything is lost but streams of the killed process."""
        heard = self._heard()
        for each in lost(answers):
            assert each.stream, each
            assert each.error, each
            assert each.start < self.ends, each
            assert each.end > self.begins, each
            assert each.id, each  # its head had come: had it not, the SDK would have asked again
            assert each.id not in heard, each
        read = len(answers) - len(lost(answers)) - len(self._unread(answers, heard))
        return read, sum(1 + (each.retries or 0) for each in answers)

    def _heard(self) -> set[str]:
        """The requests that other processes have ended; all of the survivors' are answered."""
        logs = {name: self._access_log(name) for name in self._release.pod_names("proxy")}
        for name in self._survivors:
            assert logs[name], f"{name} served nobody"
            assert not (other := [line for line in logs[name] if line["outcome"] != "Answered"]), other[0]
        return {line["request_id"] for log in logs.values() for line in log}

    def _unread(self, answers: Sequence[Answer], heard: set[str]) -> list[Answer]:
        """Those that only the killed process knew, and ended since it must have been read."""
        since = self.begins - SCRAPE_SECONDS
        unread = [each for each in answers if each.whole and each.end > since and each.id not in heard]
        assert not (late := [each for each in unread if each.end > self.ends + LATE_SECONDS]), late[0]
        return unread

    def _access_log(self, pod: str) -> list[dict[str, Any]]:
        """What the process that now runs in that pod has written about requests, from a scrape before the kill on."""
        since = datetime.fromtimestamp(self.begins - SCRAPE_SECONDS - LATE_SECONDS, UTC)
        here = f"--namespace={self._release.namespace}"
        log = self._release.kubectl("logs", pod, here, f"--since-time={since.isoformat()}")
        lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
        return [line for line in lines if line["message"] == "request"]


def _ready_containers(release: Installation) -> set[str]:
    statuses = [status for pod in release.pods("proxy") for status in pod["status"].get("containerStatuses", [])]
    return {status["containerID"] for status in statuses if status["ready"]}
