"""Pods of one busybox: what the node's own tests run."""

import json
import time
from collections.abc import Callable
from typing import Any

from localkube import Tool

IMAGE = "localhost/pause:1"
PORT = 8080
DEADLINE_SECONDS = 60.0
SERVES_ITS_NAME = f"echo $HOSTNAME >/scratch/index.html; echo serving; exec /busybox httpd -f -p {PORT} -h /scratch"
# what the restricted Pod Security Standard asks for, and a read-only root on top
POD_SECURITY = {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}
CONTAINER_SECURITY = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def pod(name: str, script: str = SERVES_ITS_NAME, **spec: Any) -> dict[str, Any]:
    """Return a restricted pod that runs a shell script, labelled `app: name`; /scratch is its own to write."""
    container = {
        "name": "busybox",
        "image": IMAGE,
        "imagePullPolicy": "Never",
        "command": ["/busybox", "sh", "-c", script],
        "securityContext": CONTAINER_SECURITY,
        "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}, {"name": "token", "mountPath": "/token"}],
    }
    token = {"serviceAccountToken": {"path": "token", "audience": "tierway", "expirationSeconds": 3600}}
    volumes = [{"name": "scratch", "emptyDir": {}}, {"name": "token", "projected": {"sources": [token]}}]
    whole = {"securityContext": POD_SECURITY, "containers": [container], "volumes": volumes} | spec
    metadata = {"name": name, "labels": {"app": name.partition("-")[0]}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": whole}


def service(name: str) -> dict[str, Any]:
    """Return the Service of the pods labelled with that name."""
    spec = {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": PORT}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def create(kubectl: Tool, namespace: str, *things: dict[str, Any]) -> None:
    """Create them and wait until the pods among them are ready."""
    for thing in things:
        kubectl("create", f"--namespace={namespace}", "--filename=-", stdin=json.dumps(thing))
    pods = [f"pod/{thing['metadata']['name']}" for thing in things if thing["kind"] == "Pod"]
    kubectl("wait", f"--namespace={namespace}", "--for=condition=Ready", "--timeout=60s", *pods)


def sh(kubectl: Tool, namespace: str, name: str, script: str) -> str:
    """Return what a shell script prints in a pod. Raises CommandError."""
    return kubectl("exec", f"--namespace={namespace}", name, "--", "/busybox", "sh", "-c", script)


def asks(address: str) -> str:
    """Return the shell command that prints what is served there."""
    # wget's own time-out crashes a static busybox that looks up a name
    return f"/busybox timeout 5 /busybox wget -q -O - http://{address}"


def uid(kubectl: Tool, namespace: str, name: str) -> str:
    return kubectl("get", "pod", name, f"--namespace={namespace}", "--output=jsonpath={.metadata.uid}")


def eventually(look: Callable[[], bool], seconds: float = DEADLINE_SECONDS) -> bool:
    """Whether something real comes to pass before the deadline."""
    end = time.monotonic() + seconds
    while not look():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True
