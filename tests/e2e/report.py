"""What a cluster looked like when a test failed: in the failure's own output, since the cluster is gone afterwards."""

from collections.abc import Iterator

from localkube import Tool

LOG_LINES = 40
ANSWERED = '"outcome":"Answered"'  # one a request: too many to be read
OURS = ("app.kubernetes.io/part-of=tierway", "app=provider")


def report(kubectl: Tool) -> Iterator[tuple[str, str]]:
    """Yield headings and texts; what cannot be had says why."""
    for command in (
        "get pods,deployments,endpointslices -A -o wide",
        "get modeltiers,routingpolicies -A -o wide",
        "get events -A --sort-by=.lastTimestamp",
    ):
        yield f"kubectl {command}", _last(_said(kubectl, *command.split()), 60)
    for namespace, pod in _pods(kubectl):
        for previous in ((), ("--previous",)):
            text = _said(kubectl, "logs", pod, f"--namespace={namespace}", *previous)
            if "previous terminated container" not in text:
                shown = "\n".join(line for line in text.splitlines() if ANSWERED not in line)
                yield f"kubectl logs {pod} {' '.join(previous)}", _last(shown, LOG_LINES)


def _pods(kubectl: Tool) -> Iterator[tuple[str, str]]:
    for selector in OURS:
        columns = "--output=custom-columns=:metadata.namespace,:metadata.name"
        for line in _said(kubectl, "get", "pods", "-A", "--no-headers", f"--selector={selector}", columns).splitlines():
            namespace, _, name = line.partition(" ")
            yield namespace, name.strip()


def _said(kubectl: Tool, *arguments: str) -> str:
    try:
        return kubectl(*arguments)
    except Exception as error:  # noqa: BLE001 a report must not hide what it reports on
        return str(error)


def _last(text: str, lines: int) -> str:
    return "\n".join(text.splitlines()[-lines:])
