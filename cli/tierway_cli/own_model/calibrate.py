"""The command `tierway calibrate`: labels become a policy's own model, if it is better than the general one."""

import argparse
import sys
from pathlib import Path

from tierway_cli.own_model.artefact import Policy, config_map, name_of, policy_of, spec_lines
from tierway_cli.own_model.boundaries import Drawn, Evidence, evidence, for_complex_share, for_under_routing
from tierway_cli.own_model.errors import BadInputError
from tierway_cli.own_model.judging import Judged, judge
from tierway_cli.own_model.labels import read_labels
from tierway_cli.own_model.layer import fit, model_of
from tierway_cli.own_model.prompts import read_prompts
from tierway_cli.own_model.report import table
from tierway_cli.own_model.session import LEAST
from tierway_cli.own_model.study import MOST_LABELS, Study, study
from tierway_proxy.contract.own_model import OwnModel


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument("labels", metavar="LABELS", nargs="+", type=Path, help="what tierway label wrote, or your own")
    parser.add_argument("--pool", metavar="PROMPTS", action="append", type=Path, default=[], help="unlabelled prompts")
    parser.add_argument("--policy", metavar="NS/NAME", required=True, help="whose model it becomes")
    wanted = parser.add_mutually_exclusive_group()
    wanted.add_argument("--complex-share", metavar="PERCENT", type=float, help="of requests that are to be Complex")
    wanted.add_argument(
        "--under-routing", metavar="PERCENT", type=float, help="of Complex requests that may be judged to be less"
    )
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="the ConfigMap (default: NAME.yaml)")
    parser.add_argument("--force", action="store_true", help="write it even if it is not better than the general model")


def run(args: argparse.Namespace) -> int:
    """Fit, judge, print and write; return 1 when nothing was written."""
    try:
        policy = policy_of(args.policy)
        _writable(args.output)
        known = _study(args)
        own = judge(known.space, known.at, known.classes)
        layer = fit(known.space, known.at, known.classes, own.strength)
        seen = evidence(layer.sums(known.space), known.at, own.sums, known.classes)
        drawn = _drawn(args, seen)
        print(table(known, own, seen, drawn))
        return _write(args, policy, model_of(known.space, layer), drawn, own)
    except BadInputError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1


def _writable(output: Path | None) -> None:
    """Say before the work of minutes that its outcome has no place."""
    if output is not None and not output.parent.is_dir():
        raise BadInputError(f"{output}: there is no folder {output.parent}.")


def _study(args: argparse.Namespace) -> Study:
    pool = read_prompts(args.pool)
    labels = read_labels(args.labels, pool)
    classes = {label.klass for label in labels}
    if len(labels) < LEAST:
        raise BadInputError(
            f"{len(labels)} {'label is' if len(labels) == 1 else 'labels are'} too few to fit or judge anything;"
            f" label at least {LEAST}, better 40: tierway label."
        )
    if len(classes) < 2:
        raise BadInputError(
            f"all {len(labels)} labels are {labels[0].klass}, so there is nothing to tell apart;"
            " label prompts of another class too."
        )
    if len(labels) > MOST_LABELS:
        print(f"Of {len(labels)} labels {MOST_LABELS} are used, drawn by chance.")
    return study(pool, labels)


def _drawn(args: argparse.Namespace, known: Evidence) -> Drawn | None:
    if args.complex_share is not None:
        return for_complex_share(known, _percent("--complex-share", args.complex_share))
    if args.under_routing is not None:
        return for_under_routing(known, _percent("--under-routing", args.under_routing))
    return None


def _percent(flag: str, value: float) -> float:
    if not 0 < value < 100:
        raise BadInputError(f"{flag} {value:g}: expected a number between 0 and 100.")
    return value / 100


def _write(args: argparse.Namespace, policy: Policy, model: OwnModel, drawn: Drawn | None, own: Judged) -> int:
    if not own.better:
        print("\nBy this estimate the own model is not better than the general one; keep that, or label more prompts.")
        if not args.force:
            print("Nothing was written (--force writes it all the same).")
            return 1
    else:
        print("\nBy this estimate the own model is better than the general one.")
    file = args.output or Path(f"{name_of(policy, model)}.yaml")
    try:
        file.write_text(config_map(policy, model), encoding="utf-8")
    except OSError as error:
        raise BadInputError(f"{file}: {error.strerror or error}") from error
    print(f"{file} holds it, and no text of any prompt. Apply that (kubectl apply -f {file}), then put into")
    print(f"RoutingPolicy {policy.namespace}/{policy.name}:\n\n{spec_lines(policy, model, drawn)}", end="")
    return 0
