"""The command ``tierway validate``: says what the API server would say of YAML files, without one.

Of a ConfigMap that is labelled as the model of a policy's classifier it says what the operator would say.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from tierway_operator.compiler.own_models import model_in
from tierway_operator.conditions import Problem
from tierway_operator.crds import committed_crds
from tierway_operator.folder.documents import Document, identity, parsed
from tierway_operator.folder.secrets import is_model, texts
from tierway_operator.validation import Refused, Validator

_SUFFIXES = (".yaml", ".yml", ".json")
_GROUP = "tierway.dev/"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument("paths", metavar="FILE|DIR", nargs="+", type=Path, help="files, or folders of them")


def run(args: argparse.Namespace) -> int:
    """Print a line for each object; return 1 when one is refused or a file cannot be read."""
    validator = Validator(committed_crds())
    good = True
    for file in _files(args.paths):
        good = _validate(file, validator) and good
    return 0 if good else 1


def _files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from (file for file in sorted(path.iterdir()) if file.suffix in _SUFFIXES)
        else:
            yield path


def _validate(file: Path, validator: Validator) -> bool:
    try:
        found = parsed(str(file), file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        return _complain(f"{file}: {error}")
    if found.error is not None:
        return _complain(found.error)
    good = True
    for document in found.documents:
        if is_model(document):
            good = _validate_model(file, document) and good
            continue
        if not str(document.get("apiVersion", "")).startswith(_GROUP):
            continue  # a Namespace or a Secret beside our kinds is somebody else's to judge
        kind, namespace, name = identity(document)
        verdict = validator.validate(document)
        if isinstance(verdict, Refused):
            good = _complain(*(f"{file}: {kind} {namespace}/{name}: {refusal}" for refusal in verdict.refusals))
        else:
            print(f"{file}: {kind} {namespace}/{name} is valid")
    return good


def _validate_model(file: Path, document: Document) -> bool:
    """Say what the operator would say of a ConfigMap that is labelled as the model of a policy's classifier."""
    kind, namespace, name = identity(document)
    model = model_in(texts(document, "data"))
    if isinstance(model, Problem):
        return _complain(f"{file}: {kind} {namespace}/{name}: {model.message}")
    print(f"{file}: {kind} {namespace}/{name} is valid")
    return True


def _complain(*sentences: str) -> bool:
    for sentence in sentences:
        print(sentence, file=sys.stderr)
    return False
