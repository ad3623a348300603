"""The commands of `tierway`: each is a module with `add_arguments` and `run`, imported only when it is asked for."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from importlib.metadata import version
from types import ModuleType

_COMMANDS = {
    "standalone": ("tierway_cli.standalone.command", "run everything on a folder of YAML: no cluster"),
    "get": ("tierway_cli.get", "show modeltiers and routingpolicies of a folder, as kubectl would"),
    "explain": ("tierway_cli.explain.command", "say what would become of a request, and what it would cost"),
    "validate": ("tierway_cli.validate", "check YAML files as the API server would"),
    "label": ("tierway_cli.own_model.label", "label the prompts of an application that would teach most"),
    "calibrate": ("tierway_cli.own_model.calibrate", "make a policy's own model of difficulty from labels"),
    "provider": ("tierway_cli.provider.command", "simulate OpenAI-compatible model providers"),
    "proxy": ("tierway_proxy.command", "start one proxy"),
    "operator": ("tierway_operator.command", "start the operator of a release"),
    "version": ("tierway_cli.version", "print the version"),
}

_EXTRAS = {"kopf": "operator", "kubernetes": "operator", "numpy": "calibrate"}
"""Which extra brings a module that the plain installation lacks."""


def run(arguments: Sequence[str] | None) -> int:
    """Parse, run one command, and return its status. `arguments` None: those of the process."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(
        prog="tierway", description="Routes LLM requests to the cheapest model tier that does the job."
    )
    parser.add_argument("--version", action="version", version=version("tierway"))
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (module, summary) in _COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        if given[:1] == [name]:
            _loaded(name, module, parser).add_arguments(command)
    parsed = parser.parse_args(given)
    result: int = importlib.import_module(_COMMANDS[parsed.command][0]).run(parsed)
    return result


def _loaded(name: str, module: str, parser: argparse.ArgumentParser) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get(error.name or "")
        if extra:
            parser.exit(2, f"tierway {name} needs {error.name}: {_remedy(extra)}\n")
        raise


def _remedy(extra: str) -> str:
    """Return what can be typed as it stands: numpy is all there is in its extra, and wants no checkout."""
    if extra == "calibrate":
        return f"{sys.executable} -m pip install numpy"
    return f"in a checkout, {sys.executable} -m pip install -e '.[{extra}]'"
