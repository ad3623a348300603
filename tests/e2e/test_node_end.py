"""A second cluster beside the run's one, and what is left of it: nothing, however it ends."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from localkube import Cluster, kubectl
from localkube.node_init import SYSTEM, TUNABLES
from tests.e2e.busybox import create, eventually, pod, service, uid
from tests.e2e.traces import Traces, rules

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
RUNS_A_CLUSTER = """
import json, sys, time
from pathlib import Path
from localkube import Cluster
from tests.e2e.test_node_end import traces
with Cluster.started(Path(sys.argv[1]), images=[Path(sys.argv[2])]) as cluster:
    print(json.dumps(traces(cluster).__dict__), flush=True)
    time.sleep(600)
"""
RUNS_THE_COMMAND = """
import runpy, sys
sys.argv[1:1] = ["up", "--node"]
runpy.run_module("localkube", run_name="__main__", alter_sys=True)
"""


def traces(cluster: Cluster) -> Traces:
    """Run two pods behind a Service, and return all that this takes."""
    cluster.kubectl("create", "namespace", "pods")
    cluster.kubectl("wait", "--for=create", "serviceaccount/default", "--namespace=pods", "--timeout=20s")
    create(cluster.kubectl, "pods", pod("web-a"), pod("web-b"), service("web"))
    uids = [uid(cluster.kubectl, "pods", name) for name in ("web-a", "web-b")]
    processes = [pid for pod_uid in uids for pid in cluster.processes(pod_uid)]
    assert len(processes) == 4
    parents = [_parent(pid) for pid in processes]
    return Traces.of(cluster, [*cluster.pids().values(), *processes, *parents])


@pytest.fixture
def untouched_machine(cluster: Cluster) -> Iterator[None]:
    """The packet rules of this machine are afterwards what they were before."""
    assert cluster.pids()  # the run's own cluster is there all the time
    before = rules()
    yield
    assert rules() == before


@pytest.mark.usefixtures("untouched_machine")
def test_nothing_is_left_of_a_cluster_that_ended(tmp_path: Path, pause_image: Path) -> None:
    """No process, mount, link, route, cgroup, rule or file; while it ran, all of them but a rule were there."""
    with Cluster.started(tmp_path / "second", images=[pause_image]) as second:
        found = traces(second)
        assert set(found.left()) == {"processes", "links", "routes", "cgroups"}
    assert found.left() == {}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("untouched_machine")
def test_nothing_but_files_is_left_of_a_cluster_whose_parent_was_killed(tmp_path: Path, pause_image: Path) -> None:
    """A kill -9 gives nobody a chance to clean up; the kernel does it, and the namespaces' keeper what it does not."""
    directory = tmp_path / "second"
    with _python(RUNS_A_CLUSTER, directory, pause_image) as parent:
        assert parent.stdout is not None
        found = Traces(**json.loads(parent.stdout.readline()))
        assert set(found.left()) == {"processes", "links", "routes", "cgroups"}
        parent.kill()
        parent.wait()
        assert eventually(lambda: found.left() == {}), found.left()


@pytest.mark.usefixtures("untouched_machine")
def test_the_command_runs_one_until_it_is_told_to_end(tmp_path: Path) -> None:
    """What it prints is for `eval`; it brings the sandbox's image itself."""
    directory = tmp_path / "second"
    with _python(RUNS_THE_COMMAND, directory) as command:
        assert command.stdout is not None
        assert command.stdout.readline() == f"export KUBECONFIG={directory / 'admin.kubeconfig'}\n"
        nodes = kubectl(directory / "admin.kubeconfig", home=directory)("get", "nodes", "--no-headers")
        assert nodes.split()[:2] == ["node-1", "Ready"]
        command.terminate()
        assert command.wait(30) == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", TUNABLES)
def test_what_a_kubelet_sets_for_the_whole_machine_stays_in_the_node(cluster: Cluster, name: str) -> None:
    """It would have the machine restart after an oops, say; it sees its wish fulfilled, the machine is as it was."""
    setting = SYSTEM / name
    before = setting.read_text()
    try:
        cluster._space.run("sh", "-c", f"echo {int(before) + 1} > {setting}")
        assert setting.read_text() == before
    finally:
        setting.write_text(before)


@contextmanager
def _python(text: str, *arguments: Path) -> "Iterator[subprocess.Popen[str]]":
    command = [sys.executable, "-c", text, *map(str, arguments)]
    with ExitStack() as whatever_happens:
        started = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        process = whatever_happens.enter_context(started)
        whatever_happens.callback(process.kill)
        yield process


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
