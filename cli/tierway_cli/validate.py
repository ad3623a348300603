"""The command ``tierway validate``: says what the API server would say of YAML files, without one.

Of a ConfigMap that is labelled as the model of a policy's classifier it says what the operator would say. Of folders
it also says for what a policy would be refused if there were nothing else; that is no fault, for there may be.
"""

import argparse
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tierway_cli.alone import refusals
from tierway_cli.kinds import unknown_kind
from tierway_operator.compiler.own_models import model_in
from tierway_operator.conditions import MODEL_NOT_FOUND, TIER_NOT_FOUND, Problem
from tierway_operator.crds import committed_crds
from tierway_operator.folder.documents import Document, Identity, Parsed, identity, parsed
from tierway_operator.folder.files import is_source
from tierway_operator.folder.registry import KINDS
from tierway_operator.folder.secrets import is_model, texts
from tierway_operator.resources import GROUP
from tierway_operator.validation import Refused, Validator


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument("paths", metavar="FILE|DIR", nargs="+", type=Path, help="files, or folders of them")


_MAY_BE_ELSEWHERE = frozenset({TIER_NOT_FOUND, MODEL_NOT_FOUND})


class _Line(NamedTuple):
    text: str
    good: bool = False


def run(args: argparse.Namespace) -> int:
    """Print a line for each object; return 1 when one is refused, a file cannot be read, or there is none."""
    validator = Validator(committed_crds())
    files = [_read(file) for file in _files(args.paths)]
    lines = [line for file in files for line in _lines(file, validator)]
    if not lines:
        where = ", ".join(map(str, args.paths))
        lines = [
            _Line(f"There is nothing to validate in {where}: no object of {GROUP} in a .yaml, .yml or .json file.")
        ]
    for line in lines:
        print(line.text, file=sys.stdout if line.good else sys.stderr)
    if any(path.is_dir() for path in args.paths):  # single files are parts of something
        for note in _notes(files):
            print(note, file=sys.stderr)
    return 0 if all(line.good for line in lines) else 1


def _files(paths: list[Path]) -> list[Path]:
    """Return each once, in the order given."""
    found = (sorted(filter(is_source, path.iterdir())) if path.is_dir() else [path] for path in paths)
    return list({file.resolve(): file for files in found for file in files}.values())


def _read(file: Path) -> Parsed:
    try:
        return parsed(str(file), file.read_text(encoding="utf-8"))
    except OSError as error:
        return Parsed(str(file), error=f"{file} cannot be read: {error.strerror}.")
    except UnicodeDecodeError as error:
        return Parsed(str(file), error=f"{file} is not UTF-8 at byte {error.start}.")


def _lines(file: Parsed, validator: Validator) -> Iterator[_Line]:
    if file.error is not None:
        yield _Line(file.error)
    for document in file.documents:
        yield from _judged(file.file, document, validator)


def _notes(files: list[Parsed]) -> Iterator[str]:
    # what the listing would log of broken objects has been said
    logging.getLogger("tierway_operator").addHandler(logging.NullHandler())
    places = {which: file.file for file in files for which in file.identities}
    for policy, problem in refusals(files):
        place = places[Identity("RoutingPolicy", *policy.split("/"))]
        yield f"{place}: note: RoutingPolicy {policy} with these files alone: {problem.message}{_elsewhere(problem)}"


def _elsewhere(problem: Problem) -> str:
    """Say what makes a note of it; a regular expression that cannot be used is none anywhere."""
    return " (it may exist in your cluster)" if problem.reason in _MAY_BE_ELSEWHERE else ""


def _judged(file: str, document: Document, validator: Validator) -> Iterator[_Line]:
    """Judge ours; a Namespace or a Secret beside them is somebody else's to judge."""
    kind, namespace, name = identity(document)
    if is_model(document):
        faults = _model_faults(document)
    elif kind in KINDS or str(document.get("apiVersion", "")).startswith(f"{GROUP}/"):
        verdict = validator.validate(document)
        faults = [str(refusal) for refusal in verdict.refusals] if isinstance(verdict, Refused) else []
    else:
        strange = unknown_kind(document)
        yield from () if strange is None else (_Line(f"{file}: {strange}"),)
        return
    for fault in faults:
        yield _Line(f"{file}: {kind} {namespace}/{name}: {fault}")
    if not faults:
        yield _Line(f"{file}: {kind} {namespace}/{name} is valid", good=True)


def _model_faults(document: Document) -> list[str]:
    """Return what the operator would say of a ConfigMap that is labelled as the model of a policy's classifier."""
    model = model_in(texts(document, "data"))
    return [model.message] if isinstance(model, Problem) else []
