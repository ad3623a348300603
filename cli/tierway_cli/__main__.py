"""`tierway`: each command is a module with `add_arguments` and `run`, imported only when it is asked for."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from types import ModuleType

_COMMANDS = {
    "standalone": ("tierway_cli.standalone", "run everything on a folder of YAML: no cluster"),
    "get": ("tierway_cli.get", "show modeltiers and routingpolicies of a folder, as kubectl would"),
    "validate": ("tierway_cli.validate", "check YAML files as the API server would"),
    "provider": ("tierway_cli.provider.command", "simulate OpenAI-compatible model providers"),
    "proxy": ("tierway_proxy.command", "start one proxy"),
    "operator": ("tierway_operator.command", "start the operator of a release"),
    "version": ("tierway_cli.version", "print the version"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(
        prog="tierway", description="Routes LLM requests to the cheapest model tier that does the job."
    )
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
        if error.name in ("kopf", "kubernetes"):
            parser.exit(2, f"tierway {name} needs the extra 'operator': pip install 'tierway[operator]'\n")
        raise


if __name__ == "__main__":
    sys.exit(main())
