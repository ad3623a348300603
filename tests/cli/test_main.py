"""`tierway` itself: what holds for every command."""

from importlib.metadata import version
from types import SimpleNamespace

import pytest

from tierway_cli import __main__ as command_line
from tierway_cli.__main__ import main


def test_the_version_is_told_both_ways(capsys):
    """As a command, and as the flag that everybody tries first."""
    assert main(["version"]) == 0
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"{version('tierway')}\n" * 2


def test_a_ctrl_c_ends_a_command_without_a_traceback(monkeypatch, capsys):
    """With the status that a shell gives a program which SIGINT ended."""

    def interrupted(_):
        raise KeyboardInterrupt

    module = SimpleNamespace(add_arguments=lambda _: None, run=interrupted)
    monkeypatch.setattr(command_line.importlib, "import_module", lambda _: module)
    assert main(["version"]) == 130
    assert capsys.readouterr() == ("", "")
