"""How one proxy process is started: what the chart, `tierway standalone` and a person on the command line may set."""

from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from pathlib import Path


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


def from_arguments(given: Namespace) -> Settings:
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
    )
