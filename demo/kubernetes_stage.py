"""The stage on a Kubernetes API: the chart installed with helm, and processes that stand in for its pods.

The control plane is ours (`localkube`), or the cluster that KUBECONFIG names. There is no image to pull here, so the
operator and the proxies run as processes, each under a token of the chart's own ServiceAccount: what RBAC does not
allow shows at once.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from demo.processes import ProgramError, free_port, started, wait_for
from demo.stage import PROXIES, Object, Stage, copy_quickstart
from localkube import CommandError, ControlPlane, StartError, UnavailableError, helm, kubectl
from localkube.standins import StandIn, address_map, announce
from localkube.tools import Tool

_CHART = Path(__file__).parents[1] / "deploy" / "helm" / "tierway"
_RELEASE, _NAMESPACE = "tierway", "llm"


@contextmanager
def on_kubernetes(work: Path, provider_ports: dict[int, int], say: Callable[[str], None]) -> Iterator[Stage]:
    """The stage, up and serving. Raises ProgramError, UnavailableError or CommandError."""
    objects = work / "objects"
    copy_quickstart(objects, provider_ports)
    with ExitStack() as stack, _explained():
        kubeconfig = _cluster(stack, say)
        kube = kubectl(kubeconfig)
        kube("apply", "-f", str(objects / "00-namespace.yaml"))
        _install(stack, kubeconfig, kube)
        say("chart installed with helm; there is no node, so processes stand in for its pods")
        ports = _start(stack, work, kube)
        kube("apply", "-f", str(objects))
        get = f"KUBECONFIG={kubeconfig} {kube.program} get modeltiers,routingpolicies -n {_NAMESPACE}"
        yield Stage(
            what="a real Kubernetes API",
            proxies=tuple(f"http://127.0.0.1:{port}" for port in ports),
            objects=objects,
            apply=lambda file: _apply(kube, file),
            tables_command=get,
            tables=lambda: kube("get", "modeltiers,routingpolicies", "-n", _NAMESPACE),
            found=lambda plural: _found(kube, plural),
            hints=(
                f"export KUBECONFIG={kubeconfig}",
                f"{kube.program} describe routingpolicy default -n {_NAMESPACE}",
                f"{kube.program} explain modeltier.spec.models",
            ),
        )


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except (CommandError, StartError, UnavailableError) as error:
        raise ProgramError(str(error)) from error


def _cluster(stack: ExitStack, say: Callable[[str], None]) -> Path:
    given = os.environ.get("KUBECONFIG")
    if given:
        say(f"using the cluster of KUBECONFIG={given}")
        return Path(given)
    plane = stack.enter_context(ControlPlane.started())
    say("etcd, kube-apiserver and kube-controller-manager are up")
    return plane.kubeconfig


def _install(stack: ExitStack, kubeconfig: Path, kube: Tool) -> None:
    """Installs, and uninstalls after the show; `crds.keep=false` leaves nothing in a cluster that is the user's."""
    run = helm(kubeconfig)
    values = ["--set", f"namespaces={{{_NAMESPACE}}}", "--set", "crds.keep=false", "--set", "proxy.region=us-east"]
    values += ["--set", f"defaultPolicy={_NAMESPACE}/default", "--set", "callers.authentication=None"]
    run("install", _RELEASE, str(_CHART), f"--namespace={_NAMESPACE}", *values)
    stack.callback(lambda: run("uninstall", _RELEASE, f"--namespace={_NAMESPACE}"))
    # where there is a node, its pods would look for an image that is published nowhere yet
    for deployment in (f"{_RELEASE}-operator", f"{_RELEASE}-proxy"):
        kube("scale", "deployment", deployment, "--replicas=0", f"--namespace={_NAMESPACE}")


def _start(stack: ExitStack, work: Path, kube: Tool) -> list[int]:
    """The callers' ports."""
    stand_ins = [StandIn(number, free_port(9090 + number)) for number in range(1, PROXIES + 1)]
    ports = [free_port(8080 + number) for number in range(PROXIES)]
    for stand_in, port in zip(stand_ins, ports, strict=True):
        arguments = [f"--release={_RELEASE}", f"--namespace={_NAMESPACE}", "--host=127.0.0.1", f"--port={port}"]
        arguments += [f"--admin-port={stand_in.admin_port}", "--region=us-east", "--drain-seconds=0.5"]
        arguments += [f"--default-policy={_NAMESPACE}/default", f"--state-dir={work / stand_in.name}"]
        _stand_in(stack, work / stand_in.name, kube, "proxy", stand_in.admin_port, "tierway_proxy", *arguments)
    announce(kube, _NAMESPACE, f"{_RELEASE}-proxies", stand_ins)
    health = free_port(8090)
    arguments = [f"--release={_RELEASE}", f"--release-namespace={_NAMESPACE}", f"--namespace={_NAMESPACE}"]
    arguments += ["--health-host=127.0.0.1", f"--health-port={health}", "--report-every=3"]
    arguments += [f"--proxy-address-map={address_map(stand_ins)}"]
    _stand_in(stack, work / "operator", kube, "operator", health, "tierway_operator", *arguments)
    return ports


def _stand_in(
    stack: ExitStack, place: Path, kube: Tool, account: str, health: int, module: str, *arguments: str
) -> None:
    kubeconfig, log = place.with_suffix(".kubeconfig"), place.with_suffix(".log")
    _write_kubeconfig(kube, f"{_RELEASE}-{account}", kubeconfig)
    process = stack.enter_context(started(module, *arguments, log=log, environment={"KUBECONFIG": str(kubeconfig)}))
    wait_for(f"http://127.0.0.1:{health}/readyz", process, log)


def _write_kubeconfig(kube: Tool, account: str, file: Path) -> None:
    """The cluster of ours, and a token of one of the chart's ServiceAccounts instead of ourselves."""
    config = json.loads(kube("config", "view", "--raw", "--minify", "--flatten", "-o", "json"))
    token = kube("create", "token", account, f"--namespace={_NAMESPACE}", "--duration=8h").strip()
    config["users"] = [{"name": each["name"], "user": {"token": token}} for each in config["users"]]
    file.touch(mode=0o600)
    file.write_text(json.dumps(config))


def _apply(kube: Tool, file: Path) -> None:
    kube("apply", "-f", str(file))


def _found(kube: Tool, plural: str) -> list[Object]:
    items: list[Object] = json.loads(kube("get", plural, f"--namespace={_NAMESPACE}", "-o", "json"))["items"]
    return items
