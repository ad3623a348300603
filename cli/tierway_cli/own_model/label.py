"""The command `tierway label`: asks a person, or a premium model, about the prompts whose class would teach most."""

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tierway_cli.own_model.choosing import choose
from tierway_cli.own_model.errors import BadInputError
from tierway_cli.own_model.keys import keys
from tierway_cli.own_model.label_file import LabelFile
from tierway_cli.own_model.looks import look
from tierway_cli.own_model.prompts import Prompt, read_prompts
from tierway_cli.own_model.session import Session, estimate
from tierway_cli.own_model.study import Study, study
from tierway_cli.own_model.teacher import AT_ONCE, Endpoint, ask
from tierway_proxy.contract.base import RequestClass

_TAUGHT = 60
_SILENT = 2
"""After so many rounds without any answer nobody is there."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument("prompts", metavar="PROMPTS", nargs="+", type=Path, help="recordings, JSON Lines, texts")
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, required=True, help="labels; it is gone on with")
    parser.add_argument("--until", metavar="N", type=int, help="go on to N labels, though the gain has flattened")
    teacher = parser.add_argument_group("labels from a model instead of a person")
    teacher.add_argument("--from-model", metavar="NAME", help="the model to ask; prompts are sent to its endpoint")
    teacher.add_argument("--base-url", metavar="URL", help="of its OpenAI-compatible endpoint, with /v1")
    teacher.add_argument("--api-key-env", metavar="VAR", help="the environment variable that holds its key")


def run(args: argparse.Namespace) -> int:
    """Label; return 1 when something that was given cannot be used."""
    try:
        prompts = read_prompts(args.prompts)
        file = LabelFile(args.output)
        known = study(prompts, file.labels())
        by_id = {prompt.id: prompt for prompt in prompts}
        saved = _Saved(file, known, by_id)
        if args.from_model:
            asyncio.run(_taught(args, known, by_id, saved))
        else:
            Session(known, by_id, saved, print, args.until).run(keys())
    except BadInputError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    print(f"{len(known.at)} labels are in {args.output}.")
    return 0


@dataclass
class _Saved:
    """Writes rows of the study to the file of labels."""

    file: LabelFile
    study: Study
    prompts: Mapping[str, Prompt]

    def tell(self, row: int, klass: RequestClass) -> None:
        prompt = self.prompts[self.study.ids[row]]
        self.file.write(prompt.id, klass, look(prompt.body))

    def take_back(self) -> bool:
        return self.file.take_back()


async def _taught(args: argparse.Namespace, known: Study, prompts: Mapping[str, Prompt], saved: _Saved) -> None:
    """Ask a model in rounds, each about the prompts that teach most after the one before."""
    endpoint = _endpoint(args)
    asked: set[int] = {row for row, id_ in enumerate(known.ids) if id_ not in prompts}
    unusable = failed = silent = 0
    while len(known.at) < (args.until or _TAUGHT):
        rows = choose(known.space, known.at, known.classes, asked, AT_ONCE)
        if not rows:
            break
        told = await ask(endpoint, [prompts[known.ids[row]] for row in rows])
        asked.update(rows)
        unusable, failed = unusable + told.unusable, failed + told.failed
        silent = silent + 1 if told.failed == len(rows) else 0
        if silent == _SILENT:
            raise BadInputError(f"{endpoint.url} gave no answer to the last {silent * AT_ONCE} requests.")
        for row in rows:
            if known.ids[row] in told.classes:
                saved.tell(row, told.classes[known.ids[row]])
                known.tell(row, told.classes[known.ids[row]])
    print(f"{args.from_model} was asked about {len(asked)} prompts: {unusable} answers were none of the three words,")
    print(f"{failed} did not come.")
    if known.classes:
        print(estimate(known))


def _endpoint(args: argparse.Namespace) -> Endpoint:
    if not args.base_url:
        raise BadInputError(
            "--from-model needs --base-url, the OpenAI-compatible endpoint to ask, such as https://…/v1."
        )
    key = os.environ.get(args.api_key_env) if args.api_key_env else None
    if args.api_key_env and not key:
        raise BadInputError(f"--api-key-env {args.api_key_env}: there is no such environment variable, or it is empty.")
    return Endpoint(args.base_url, args.from_model, key)
