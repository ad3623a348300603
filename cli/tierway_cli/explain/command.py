"""The command ``tierway explain``: what would become of a request, and what it would cost, without sending it."""

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from multidict import CIMultiDict

from tierway_cli.explain.as_json import as_json
from tierway_cli.explain.explanation import Explanation, Sender, explain
from tierway_cli.explain.offers import ANSWER_TOKENS
from tierway_cli.explain.policies import UnusableError, catalog
from tierway_cli.explain.requests import Request, UnreadableError, of_file, of_prompt
from tierway_cli.explain.words import of_many, of_one
from tierway_proxy.core.caller import Caller
from tierway_proxy.core.catalog import Catalog


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument("prompt", metavar="PROMPT", nargs="?", help="what a user asks")
    parser.add_argument(
        "-f",
        "--file",
        metavar="FILE",
        help="a chat-completions body, or one in each line, also as proxies record them; - for standard input",
    )
    parser.add_argument(
        "-d", "--folder", type=Path, metavar="DIR", help="the YAML of tiers and policies (default: classify only)"
    )
    parser.add_argument(
        "--policy",
        metavar="NAMESPACE/NAME",
        help="by which one (default: the only policy, or the only one called default)",
    )
    parser.add_argument(
        "-H",
        "--header",
        action="append",
        default=[],
        type=_header,
        metavar="'NAME: VALUE'",
        help="a header of the request, for rules and X-Tierway-Class; may be repeated",
    )
    parser.add_argument(
        "--caller",
        type=_caller,
        metavar="NAME",
        help="who sends it, for rules and pins: a ServiceAccount as NAMESPACE/NAME, or a static key's name",
    )
    parser.add_argument(
        "--region", metavar="NAME", help="the proxies' region: of endpoints that cost the same, its come first"
    )
    parser.add_argument(
        "--output-tokens",
        type=_tokens,
        metavar="N",
        help=f"how long the answer is, for the costs (default: the request's max_tokens, or {ANSWER_TOKENS})",
    )
    parser.add_argument("-o", "--output", choices=("json",), help="for machines; of several requests a line each")


def run(args: argparse.Namespace) -> int:
    """Print; return 1 with a sentence when a request or the policy cannot be read."""
    # what the compiler would log of the folder's other objects is no answer to what was asked
    logging.getLogger("tierway_operator").addHandler(logging.NullHandler())
    try:
        requests = _requests(args)
        policy = _policy(args)
    except (UnreadableError, UnusableError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    sender = Sender(CIMultiDict(args.header), args.caller)
    found = [explain(each, policy, sender, args.output_tokens) for each in requests]
    print(_text(found, json_wanted=args.output == "json"), end="")
    return 0


def _requests(args: argparse.Namespace) -> list[Request]:
    if (args.prompt is None) == (args.file is None):
        raise UnreadableError("give either a prompt, or -f with a file (- for standard input).")
    return of_prompt(args.prompt) if args.file is None else of_file(args.file)


def _policy(args: argparse.Namespace) -> Catalog | None:
    if args.folder is not None:
        return catalog(args.folder, args.policy, args.region)
    if args.policy is not None:
        raise UnusableError("--policy wants -d with the folder that the policy is in.")
    return None


def _text(found: Sequence[Explanation], *, json_wanted: bool) -> str:
    alone = len(found) == 1 and found[0].request.line is None
    if json_wanted:
        return "".join(f"{json.dumps(as_json(each), indent=2 if alone else None)}\n" for each in found)
    return of_one(found[0]) if alone else of_many(found)


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise argparse.ArgumentTypeError(f"{text!r} is no header: write 'NAME: VALUE'")
    return name.strip(), value.strip()


def _caller(text: str) -> Caller:
    namespace, slash, _ = text.partition("/")
    return Caller(text, namespace if slash else None)


def _tokens(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number
