"""A steady load from a pod that has the OpenAI SDK, and the account of what became of each request."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from localkube import Tool
from tests.e2e.busybox import CONTAINER_SECURITY, POD_SECURITY
from tests.e2e.installation import Image
from tests.e2e.waiting import eventually

CALLERS = 10
LONGEST_ANSWER_SECONDS = 120.0  # of the SDK with all of its retries, where the Service has gone


@dataclass(frozen=True)
class Answer:
    """One request to its end, as the caller saw it; times are the wall clock's. `retries`: of the SDK itself.

    `id`: what the proxy that answered calls it in its log; none when no head of an answer came.
    """

    start: float
    end: float
    stream: bool
    whole: bool = False
    error: str = ""
    unexpected: bool = False
    id: str | None = None
    status: int | None = None
    retries: int | None = None
    table: str | None = None
    tier: str | None = None
    tokens: int | None = None
    first: float | None = None

    @classmethod
    def of(cls, line: dict[str, Any]) -> "Answer":
        return cls(**{name: line[name] for name in cls.__dataclass_fields__ if name in line})


class Load:
    """The callers' pod; it runs in the namespace that is given, under that namespace's account `default`."""

    def __init__(self, kubectl: Tool, image: Image, namespace: str, url: str, name: str = "caller") -> None:
        self._kubectl, self._image, self._url = kubectl, image, url
        self.here = (f"--namespace={namespace}",)
        self.name = name

    def start(self, callers: int = CALLERS) -> None:
        """Returns when some have been answered."""
        command = ["python", "/opt/caller/load.py", self._url, str(callers)]
        self._kubectl("create", *self.here, "--filename=-", stdin=json.dumps(pod(self.name, self._image, command)))
        self.go_on(callers)

    def go_on(self, answers: int = CALLERS, seconds: float = 60) -> None:
        """Return when so many more requests have had their answer; fails when there is none such in time."""
        asked = time.time()
        eventually(
            lambda: sum(each.whole and each.start > asked for each in self.answers()) >= answers,
            seconds,
            f"{answers} whole answers; the last of all: {self._log()[-400:]}",
        )

    def answers(self) -> list[Answer]:
        """All that have ended so far."""
        return [Answer.of(line) for line in _lines(self._log()) if "start" in line]

    def stop(self) -> list[Answer]:
        """Let them ask no more; all answers, when the last has come."""
        self._kubectl("exec", *self.here, self.name, "--", "python", "-c", "import os; os.kill(1, 15)")
        eventually(self._has_ended, LONGEST_ANSWER_SECONDS, "the callers have ended")
        lines = _lines(self._log())
        answers = [Answer.of(line) for line in lines if "start" in line]
        assert lines[-1] == {"ended": True, "asked": len(answers)}, lines[-1]
        assert not (broken := [each for each in answers if each.unexpected]), broken[0]
        return answers

    def remove(self) -> None:
        self._kubectl("delete", "pod", self.name, *self.here, "--ignore-not-found", "--grace-period=0", "--force")

    def _has_ended(self) -> bool:
        phase = self._kubectl("get", "pod", self.name, *self.here, "--output=jsonpath={.status.phase}")
        assert phase != "Failed", self._log()[-2000:]
        return phase == "Succeeded"

    def _log(self) -> str:
        try:
            return self._kubectl("logs", *self.here, self.name)
        except Exception as error:  # noqa: BLE001 a pod that has not begun has no log
            return str(error)


@contextmanager
def loading(kubectl: Tool, image: Image, namespace: str, url: str, name: str = "caller") -> Iterator[Load]:
    """Load for the block, which stops it; the pod is gone afterwards."""
    load = Load(kubectl, image, namespace, url, name)
    try:
        load.start()
        yield load
    finally:
        load.remove()


def lost(answers: Sequence[Answer]) -> list[Answer]:
    return [each for each in answers if not each.whole]


def pod(name: str, image: Image, command: Sequence[str], **more: Any) -> dict[str, Any]:
    """Return a restricted pod of the callers' image with a token for Tierway, as any service may have it."""
    container = {
        "name": "caller",
        "image": image.name,
        "imagePullPolicy": image.pull,
        "command": list(command),
        "securityContext": CONTAINER_SECURITY,
        "volumeMounts": [{"name": "token", "mountPath": "/var/run/secrets/tierway", "readOnly": True}],
    } | more
    token = {"serviceAccountToken": {"path": "token", "audience": "tierway", "expirationSeconds": 3600}}
    spec = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "securityContext": POD_SECURITY,
        "containers": [container],
        "volumes": [{"name": "token", "projected": {"sources": [token]}}],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def _lines(log: str) -> list[dict[str, Any]]:
    """What was printed; of a line that is being written nothing."""
    return [json.loads(line) for line in log.splitlines() if line.startswith("{") and line.endswith("}")]
