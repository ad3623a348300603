"""Where no node can be had, the refusal says what to do about it."""

import os
import sys
from pathlib import Path

import pytest

from localkube import Cluster, UnavailableError, machine


def test_another_user_than_root_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is built or started."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(UnavailableError, match="a node needs root"), Cluster.started(tmp_path / "cluster"):
        pytest.fail("it must not start")
    assert not (tmp_path / "cluster").exists()


def test_missing_programs_are_named_by_their_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line to type."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(machine, "PLUGIN_FOLDERS", (tmp_path,))
    _programs(monkeypatch, tmp_path, "ip", "mount", "nsenter", "unshare", "conntrack")
    with pytest.raises(UnavailableError, match=r"apt-get install containernetworking-plugins iptables runc$"):
        machine.refuse_without_means()


def test_refused_namespaces_are_a_reason_with_the_kernel_s_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root in a container may lack the right."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(machine, "PLUGIN_FOLDERS", (tmp_path,))
    _programs(monkeypatch, tmp_path, *machine.NEEDED, *machine.PLUGINS)
    (tmp_path / "unshare").write_text("#!/bin/sh\necho 'unshare failed: Operation not permitted' >&2\nexit 1\n")
    with pytest.raises(UnavailableError, match="unshare failed: Operation not permitted"):
        machine.refuse_without_means()


def test_the_first_folder_with_all_plugins_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Distributions put them in different places."""
    empty, whole = tmp_path / "empty", tmp_path / "whole"
    for folder in (empty, whole):
        folder.mkdir()
    for name in machine.PLUGINS:
        (whole / name).touch()
    (empty / machine.PLUGINS[0]).touch()
    monkeypatch.setattr(machine, "PLUGIN_FOLDERS", (empty, whole))
    assert machine.plugins() == whole


def _programs(monkeypatch: pytest.MonkeyPatch, folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).touch(mode=0o755)
    monkeypatch.setattr(machine, "SYSTEM_PATH", str(folder))
