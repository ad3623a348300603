"""`tierway` itself: what holds for every command."""

import subprocess
import sys
from importlib.metadata import version
from types import SimpleNamespace

import pytest

from tierway_cli import commands
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
    monkeypatch.setattr(commands.importlib, "import_module", lambda _: module)
    assert main(["version"]) == 130
    assert capsys.readouterr() == ("", "")


_INTERRUPTED_IMPORT = """
import sys
before = set(sys.modules)
from tierway_cli.__main__ import main
early = {"argparse", "importlib.metadata"} & set(sys.modules) - before

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "argparse":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupting())
print(main(["version"]), early)
"""


def test_a_ctrl_c_while_it_is_still_importing_shows_no_traceback():
    """Most of its first moments are imports, and none that takes time comes before somebody takes care of it."""
    found = subprocess.run([sys.executable, "-c", _INTERRUPTED_IMPORT], check=False, capture_output=True, text=True)
    assert (found.stdout, found.stderr) == ("130 set()\n", "")
