"""A build ends with whole programs or with none; what is built stays, what was cut is made good."""

import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from localkube import UnavailableError
from localkube.building import build
from localkube.pins import KUBERNETES
from localkube.progress import Progress

ROOT = Path(__file__).parents[2]
NAMES = ["etcd", "kube-apiserver"]
# Writes half a program, and for the one that HANG names never gets further.
GO = """
import os, pathlib, subprocess, sys
arguments = sys.argv[1:]
here = pathlib.Path(__file__).parent
with (here / "calls").open("a") as calls:
    print(*arguments, file=calls)
if arguments[0] == "env":
    print("go1.99.0")
    print("/nowhere")
if arguments[0] == "build":
    (out,) = (pathlib.Path(word[3:]) for word in arguments if word.startswith("-o="))
    out.write_text("half")
    out.chmod(0o755)
    if os.environ.get("HANG") == out.name:
        compiler = subprocess.Popen(["sleep", "600"])
        (here / "hangs").write_text(f"{os.getpid()} {compiler.pid}\\n")
        compiler.wait()
    if os.environ.get("BREAK") == out.name:
        sys.exit("cannot find module")
    out.write_text(f"whole {out.name}")
"""


@pytest.fixture
def go(script: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Go that is first on the path; its folder tells what it was called for."""
    program = script("go", GO)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.defpath}")
    return program


def test_what_is_missing_is_built_and_what_is_there_is_kept(tmp_path: Path, go: Path) -> None:
    """A second call does not even look for a Go."""
    places = build(KUBERNETES, NAMES, tmp_path / "cache", Progress(io.StringIO()))
    assert [places[name].read_text() for name in NAMES] == ["whole etcd", "whole kube-apiserver"]
    calls = (go.parent / "calls").read_text()
    assert build(KUBERNETES, NAMES, tmp_path / "cache", Progress(io.StringIO())) == places
    assert (go.parent / "calls").read_text() == calls


@pytest.mark.usefixtures("go")
def test_each_program_has_its_line_and_nothing_is_left_beside_them(tmp_path: Path) -> None:
    """Caches of a build are gigabytes: they go with it."""
    said = io.StringIO()
    build(KUBERNETES, NAMES, tmp_path / "cache", Progress(said))
    for step in ("fetching sources", "building etcd", "building kube-apiserver", "removing what only the build needed"):
        assert re.search(rf"^  {step}: \d+ s$", said.getvalue(), re.MULTILINE)
    left = {path.relative_to(tmp_path / "cache").parts[0] for path in (tmp_path / "cache").iterdir()}
    assert left == {f"kubernetes-{KUBERNETES.digest}", "build.lock"}


@pytest.mark.usefixtures("go")
def test_a_failed_build_keeps_what_is_whole_and_says_what_go_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its reason is the one that a left-out test shows."""
    monkeypatch.setenv("BREAK", "kube-apiserver")
    with pytest.raises(UnavailableError, match=r"(?s)building kube-apiserver failed with 1:.*cannot find module"):
        build(KUBERNETES, NAMES, tmp_path / "cache", Progress(io.StringIO()))
    folder = tmp_path / "cache" / f"kubernetes-{KUBERNETES.digest}"
    assert [path.name for path in folder.iterdir()] == ["etcd"]


def test_a_cache_that_cannot_be_written_is_a_reason(tmp_path: Path) -> None:
    """Not a traceback."""
    (tmp_path / "file").touch()
    with pytest.raises(UnavailableError, match=r"cannot build in .*Not a directory"):
        build(KUBERNETES, NAMES, tmp_path / "file" / "cache", Progress(io.StringIO()))


@pytest.mark.parametrize("cut", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "kill -9"])
def test_a_cut_build_leaves_nothing_half_done(
    tmp_path: Path,
    go: Path,
    monkeypatch: pytest.MonkeyPatch,
    runs: Callable[[int], bool],
    eventually: Callable[[Callable[[], bool]], bool],
    cut: signal.Signals,
) -> None:
    """What is whole is kept, what is half done is no program, the compiler is gone, the next build makes it good."""
    cache, hangs = tmp_path / "cache", go.parent / "hangs"
    monkeypatch.setenv("HANG", "kube-apiserver")
    with _build_elsewhere(cache) as builder, ExitStack() as whatever_happens:
        whatever_happens.callback(builder.kill)
        assert eventually(lambda: hangs.exists() and hangs.read_text().endswith("\n"))
        builder.send_signal(cut)
        builder.wait(timeout=20)
    go_itself, its_compiler = map(int, hangs.read_text().split())
    if cut is signal.SIGKILL:  # nobody is left to end a grandchild; a real compiler ends by itself
        os.kill(its_compiler, signal.SIGKILL)
    folder = cache / f"kubernetes-{KUBERNETES.digest}"
    assert [path.name for path in folder.iterdir()] == ["etcd"]
    assert eventually(lambda: not runs(go_itself) and not runs(its_compiler))
    assert bool(list(cache.glob("building-*"))) is (cut is signal.SIGKILL)

    monkeypatch.delenv("HANG")
    places = build(KUBERNETES, NAMES, cache, Progress(io.StringIO()))
    assert places["kube-apiserver"].read_text() == "whole kube-apiserver"
    assert (go.parent / "calls").read_text().count("/etcd go.etcd.io") == 1
    assert list(cache.glob("building-*")) == []


def _build_elsewhere(cache: Path) -> "subprocess.Popen[bytes]":
    text = f"""
import signal
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # a run in the background was started deaf to it
from localkube.building import build
from localkube.pins import KUBERNETES
build(KUBERNETES, {json.dumps(NAMES)}, Path({str(cache)!r}))
"""
    return subprocess.Popen([sys.executable, "-c", text], cwd=ROOT, stderr=subprocess.DEVNULL)
