"""Where the demo plays: on a folder, or on a Kubernetes API. The story is told to this and knows no more of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

QUICKSTART = Path(__file__).parents[1] / "examples" / "quickstart"
PROXIES = 2
Object = dict[str, Any]


@dataclass(frozen=True)
class Stage:
    """`proxies`: base URLs without `/v1`. `objects`: the folder of YAML that is applied, a copy of the quickstart.

    `apply` takes a file of `objects`; `tables` gives what `tables_command` prints; `found` the objects of a plural.
    `hints`: further commands to try while the stage stands.
    """

    what: str
    proxies: tuple[str, ...]
    objects: Path
    apply: Callable[[Path], None]
    tables_command: str
    tables: Callable[[], str]
    found: Callable[[str], list[Object]]
    hints: tuple[str, ...]


def copy_quickstart(objects: Path, ports: dict[int, int]) -> None:
    """Copies the examples, with the providers' ports that could be had."""
    objects.mkdir(parents=True)
    for file in sorted(QUICKSTART.glob("*.yaml")):
        text = file.read_text(encoding="utf-8")
        for written, real in ports.items():
            text = text.replace(f"127.0.0.1:{written}/", f"127.0.0.1:{real}/")
        (objects / file.name).write_text(text, encoding="utf-8")
