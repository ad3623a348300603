"""The command ``tierway get``: shows objects of a folder and what was observed of them, as ``kubectl get`` would."""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from tierway_cli.served import is_served
from tierway_cli.table import Kind, age, kind_of, table
from tierway_operator.crds import committed_crds

Found = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument("kinds", metavar="KINDS", help="modeltiers, routingpolicies, or both with a comma between them")
    parser.add_argument("names", metavar="NAME", nargs="*", help="only these objects")
    parser.add_argument("-n", "--namespace", help="only objects of this namespace (default: all there are)")
    parser.add_argument("-o", "--output", choices=("wide", "yaml"), help="more columns, or everything")
    parser.add_argument(
        "-d",
        "--folder",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="what `tierway standalone` serves (default: here)",
    )


def run(args: argparse.Namespace) -> int:
    """Print; return 1 when a kind or an object is not known."""
    kinds = {kind.plural: kind for kind in map(kind_of, committed_crds())}
    try:
        wanted = _kinds(args.kinds, list(kinds.values()))
        found = {kind.plural: _objects(args, kind) for kind in wanted}
        _all_there(args.names, [name["metadata"]["name"] for objects in found.values() for name in objects])
    except _NotKnownError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    if args.output == "yaml":
        print(_as_yaml([each for objects in found.values() for each in objects], single=len(args.names) == 1), end="")
    else:
        _print_tables(args, wanted, found)
    if not is_served(args.folder):
        print(_unserved(args.folder, known=any(found.values())), file=sys.stderr)
    return 0


class _NotKnownError(Exception):
    """Its text is a sentence for people."""


def _kinds(text: str, known: Sequence[Kind]) -> list[Kind]:
    wanted: list[Kind] = []
    for name in text.lower().split(","):
        named = [kind for kind in known if name in kind.names]
        if not named:
            raise _NotKnownError(f"there is no kind {name!r}; there are {', '.join(kind.plural for kind in known)}")
        wanted += [kind for kind in named if kind not in wanted]
    return wanted


def _objects(args: argparse.Namespace, kind: Kind) -> list[Found]:
    found = [
        each
        for each in _reported(args.folder, kind)
        if (not args.names or each["metadata"]["name"] in args.names)
        and args.namespace in (None, each["metadata"]["namespace"])
    ]
    return sorted(found, key=lambda each: (each["metadata"]["namespace"], each["metadata"]["name"]))


def _reported(folder: Path, kind: Kind) -> list[Found]:
    statuses = folder / "status"
    if not folder.is_dir():
        raise _NotKnownError(f"{folder} is no folder; --folder names one that tierway standalone serves")
    if not statuses.is_dir():
        raise _NotKnownError(f"{folder} is not served yet; start it with: tierway standalone {folder}")
    files = sorted(statuses.glob(f"{kind.kind.lower()}.*.yaml"))
    return [yaml.safe_load(file.read_text(encoding="utf-8")) for file in files]


def _unserved(folder: Path, *, known: bool) -> str:
    if not known:
        return f"Nobody serves {folder} now; start it with: tierway standalone {folder}"
    return f"Nobody serves {folder} now: this is what was known {_left(folder)} ago."


def _left(folder: Path) -> str:
    """Return how long it is since the last status was written."""
    return age(time.time() - max(file.stat().st_mtime for file in (folder / "status").iterdir()))


def _all_there(names: Sequence[str], found: Sequence[str]) -> None:
    missing = [name for name in names if name not in found]
    if missing:
        raise _NotKnownError(f"not found: {', '.join(missing)}")


def _as_yaml(objects: Sequence[Mapping[str, Any]], *, single: bool) -> str:
    shown: Any = {"apiVersion": "v1", "items": list(objects), "kind": "List", "metadata": {"resourceVersion": ""}}
    if single and len(objects) == 1:
        shown = objects[0]
    return yaml.safe_dump(shown, allow_unicode=True)


def _print_tables(args: argparse.Namespace, kinds: Sequence[Kind], found: Mapping[str, list[Found]]) -> None:
    namespaces = {each["metadata"]["namespace"] for objects in found.values() for each in objects}
    if not namespaces:
        print(f"No resources found in {args.namespace or args.folder}.", file=sys.stderr)
        return
    tables = [
        table(
            kind,
            found[kind.plural],
            datetime.now(UTC),
            wide=args.output == "wide",
            with_kind=len(kinds) > 1,
            with_namespace=len(namespaces) > 1,
        )
        for kind in kinds
        if found[kind.plural]
    ]
    print("\n".join(tables), end="")
