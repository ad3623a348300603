"""kubectl and helm: which one, as whom, and what is said when they refuse."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from localkube import CommandError, Tool, UnavailableError, kubectl, tools
from localkube.binaries import cache, find
from localkube.pins import HELM, KUBERNETES

OLD = """print('{"clientVersion": {"major": "1", "minor": "20+"}}')"""


def test_a_command_runs_for_its_kubeconfig_and_returns_what_it_printed(script: Callable[[str, str], Path]) -> None:
    """Also when it is asked as somebody else."""
    program = script("kubectl", "import os, sys; print(sys.argv[1:], os.environ['KUBECONFIG'], sys.stdin.read())")
    admin = Tool(program, Path("admin"))
    assert admin("get", "pods", stdin="{}") == "['get', 'pods'] admin {}\n"
    assert admin.using(Path("jane"))("get") == "['get'] jane \n"


def test_a_command_that_refuses_raises_with_its_complaint(script: Callable[[str, str], Path]) -> None:
    """The message is enough to understand a failed test."""
    program = script("kubectl", "import sys; print('half'); print('no such kind', file=sys.stderr); sys.exit(4)")
    with pytest.raises(CommandError, match="kubectl get pots ended with 4: no such kind") as refused:
        Tool(program, Path("admin"))("get", "pots")
    assert (refused.value.code, refused.value.complaint) == (4, "no such kind\n")


def test_kubectl_of_the_assets_is_first(script: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """KUBEBUILDER_ASSETS is somebody's decision."""
    program = script("kubectl", OLD.replace("20+", str(KUBERNETES.minor)))
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(program.parent))
    assert kubectl(Path("admin"), minor=KUBERNETES.minor).program == program


def test_kubectl_of_the_wheel_is_found_by_its_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The environment need not be activated."""
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = kubectl(Path("admin")).program
    assert os.access(found, os.X_OK)
    assert found.name == "kubectl"


def test_kubectl_that_is_too_old_for_the_server_is_refused_with_its_version(
    script: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two minor versions away nobody promises anything."""
    program = script("kubectl", OLD)
    monkeypatch.setattr(tools, "WHEEL", "no-such-distribution")
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    with pytest.raises(UnavailableError, match=r"no kubectl for Kubernetes 1\.22: .*kubectl is 1\.20"):
        kubectl(Path("admin"), minor=22)
    assert kubectl(Path("admin"), minor=21).program == program


def test_what_a_throw_away_cluster_caches_goes_with_it(tmp_path: Path) -> None:
    """Each has another port, and kubectl keeps a folder for each it has seen."""
    ours = kubectl(Path("admin"), home=tmp_path).environment
    assert Path(ours["KUBECACHEDIR"]).is_relative_to(tmp_path)
    assert kubectl(Path("admin")).environment == {}


def test_assets_are_taken_as_far_as_they_go_and_the_rest_is_built(
    script: Callable[[str, str], Path], tmp_path: Path
) -> None:
    """The usual assets have no kube-controller-manager; here the cache has one."""
    given = script("etcd", "")
    built = tmp_path / "tierway" / f"kubernetes-{KUBERNETES.digest}" / "kube-controller-manager"
    built.parent.mkdir(parents=True)
    built.touch(mode=0o755)
    environment = {"KUBEBUILDER_ASSETS": str(given.parent), "XDG_CACHE_HOME": str(tmp_path)}
    found = find(KUBERNETES, ["etcd", "kube-controller-manager"], environment)
    assert found == {"etcd": given, "kube-controller-manager": built}


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"XDG_CACHE_HOME": "/caches", "HOME": "/home/jane"}, "/caches/tierway"),
        ({"XDG_CACHE_HOME": "", "HOME": "/home/jane"}, "/home/jane/.cache/tierway"),
    ],
)
def test_the_cache_is_the_user_s(environment: dict[str, str], folder: str) -> None:
    """Where each desktop and each CI expects it."""
    assert cache(environment) == Path(folder)


def test_modules_are_told_apart_by_what_they_pin() -> None:
    """A new pin is another folder: an old program is never taken for it."""
    assert KUBERNETES.digest != HELM.digest
    assert f"-X=k8s.io/component-base/version.gitVersion=v1.{KUBERNETES.minor}." in KUBERNETES.linker_flags
