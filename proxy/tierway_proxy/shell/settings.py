"""How one proxy process is started: what the chart, `tierway standalone` and a person on the command line may set."""

import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from dataclasses import dataclass
from pathlib import Path

_POLICY = re.compile(r"[a-z0-9][-a-z0-9]*/[a-z0-9][-.a-z0-9]*")


class SettingsError(ValueError):
    """Settings that do not go together; the message is a sentence for whoever gave them."""


@dataclass(frozen=True, kw_only=True)
class Recording:
    """Which prompts to keep for labelling, and where. `most_bytes` is of all that lies in the directory."""

    directory: Path
    policies: frozenset[str]
    percent: float
    most_bytes: int


@dataclass(frozen=True, kw_only=True)
class Authentication:
    """By what callers prove themselves: tokens made for `audience`, and a Secret's static keys where one is named."""

    audience: str
    keys_secret: str | None


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Tables come from `tables` (a folder) or, when that is None, from the release's ConfigMaps in `namespace`."""

    tables: Path | None
    release: str
    namespace: str
    state_dir: Path | None
    host: str
    port: int
    admin_host: str
    admin_port: int
    region: str | None
    default_policy: str | None
    access_log: bool
    drain_seconds: float
    authentication: Authentication | None = None
    recording: Recording | None = None
    end_with_stdin: bool = False


def add_arguments(parser: ArgumentParser) -> None:
    source = parser.add_argument_group("where route tables come from")
    source.add_argument(
        "--tables", type=Path, metavar="DIR", help="a folder with tables/ and keys/ (default: the Kubernetes API)"
    )
    source.add_argument(
        "--release", default="tierway", help="the release whose ConfigMaps are followed (default: %(default)s)"
    )
    source.add_argument("--namespace", default="default", help="the release's namespace (default: %(default)s)")
    source.add_argument(
        "--state-dir", type=Path, metavar="DIR", help="where the last good tables and keys are kept (mode 0600)"
    )
    serving = parser.add_argument_group("serving")
    serving.add_argument("--host", default="0.0.0.0", help="address of the callers' port (default: %(default)s)")  # noqa: S104 (a pod)
    serving.add_argument("--port", type=int, default=8080, help="callers' port (default: %(default)s)")
    serving.add_argument("--admin-host", help="address of the admin port (default: that of --host)")
    serving.add_argument(
        "--admin-port", type=int, default=9090, help="health, metrics, observations (default: %(default)s)"
    )
    serving.add_argument("--region", help="the region of this proxy: endpoints in it come first")
    serving.add_argument("--default-policy", metavar="NAMESPACE/NAME", help="the policy that /v1/… means")
    serving.add_argument(
        "--no-access-log", action="store_true", help="do not write a line a request to standard output"
    )
    serving.add_argument(
        "--drain-seconds",
        type=float,
        default=20.0,
        help="after the last stream, wait so long for the operator to read the last counts (default: %(default)s)",
    )
    serving.add_argument(
        "--end-with-stdin",
        action="store_true",
        help="end when standard input does, a pipe whose other end is held by whoever started this process",
    )
    _add_authentication(parser)
    _add_recording(parser)


def _add_authentication(parser: ArgumentParser) -> None:
    callers = parser.add_argument_group("callers")
    callers.add_argument(
        "--authentication",
        choices=("Required", "None"),
        default="None",
        help="whether callers must prove who they are, to the Kubernetes API (default: %(default)s)",
    )
    callers.add_argument(
        "--audience",
        default="tierway",
        help="for whom a caller's ServiceAccount token must have been made (default: %(default)s)",
    )
    callers.add_argument(
        "--caller-keys-secret",
        metavar="NAME",
        help="a Secret of the release's namespace with static keys: their names are the callers'",
    )


def _add_recording(parser: ArgumentParser) -> None:
    recording = parser.add_argument_group("prompts kept for labelling (never, unless these ask for it)")
    recording.add_argument(
        "--record-to", type=Path, metavar="DIR", help="write a sample of classified requests there, redacted"
    )
    recording.add_argument(
        "--record-policy",
        action="append",
        type=_policy,
        metavar="NAMESPACE/NAME",
        help="a policy whose requests may be recorded, and no other's (repeatable; wanted with --record-to)",
    )
    recording.add_argument(
        "--record-percent", type=percent, default=1.0, metavar="N", help="how many of them (default: %(default)g)"
    )
    recording.add_argument(
        "--record-max-mebibytes",
        type=_mebibytes,
        default=64,
        metavar="N",
        help="stop when all in the directory has this size (default: %(default)s)",
    )


def percent(text: str) -> float:
    """Read a share of requests: above 0, at most 100."""
    value = float(text)
    if not 0 < value <= 100:
        raise ArgumentTypeError("must be above 0 and at most 100")
    return value


def from_arguments(given: Namespace) -> Settings:
    """Raises SettingsError."""
    return Settings(
        tables=given.tables,
        release=given.release,
        namespace=given.namespace,
        state_dir=given.state_dir,
        host=given.host,
        port=given.port,
        admin_host=given.admin_host or given.host,
        admin_port=given.admin_port,
        region=given.region,
        default_policy=given.default_policy,
        access_log=not given.no_access_log,
        drain_seconds=given.drain_seconds,
        authentication=_authentication(given),
        recording=_recording(given),
        end_with_stdin=given.end_with_stdin,
    )


def _authentication(given: Namespace) -> Authentication | None:
    if given.authentication == "None":
        if given.caller_keys_secret is not None:
            raise SettingsError("--caller-keys-secret names keys that nobody asks for; add --authentication=Required.")
        return None
    if given.tables is not None:
        raise SettingsError("--authentication=Required asks the Kubernetes API, which --tables does without.")
    return Authentication(audience=given.audience, keys_secret=given.caller_keys_secret)


def _recording(given: Namespace) -> Recording | None:
    if given.record_to is None:
        if given.record_policy:
            raise SettingsError("--record-policy says what is recorded; --record-to must say where.")
        return None
    if not given.record_policy:
        raise SettingsError("--record-to wants a --record-policy NAMESPACE/NAME for each policy to be recorded.")
    return Recording(
        directory=given.record_to,
        policies=frozenset(given.record_policy),
        percent=given.record_percent,
        most_bytes=given.record_max_mebibytes << 20,
    )


def _policy(text: str) -> str:
    if not _POLICY.fullmatch(text):
        raise ArgumentTypeError(f"{text!r} is no NAMESPACE/NAME of a policy")
    return text


def _mebibytes(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ArgumentTypeError("must be at least 1")
    return number
