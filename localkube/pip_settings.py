"""Where this machine's pip finds packages, as a pip.conf for a build that has a pip of its own."""

import ast
import subprocess
import sys

CARRIED = {"index-url", "extra-index-url", "no-index", "trusted-host", "proxy", "default-timeout", "timeout", "retries"}
"""What names a file of this machine, as `cert` and `find-links` may, means nothing inside a build."""


def conf_of_this_machine() -> str:
    """Return the text of a pip.conf: empty when pip is set up as it came."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return conf(done.stdout)


def conf(listed: str) -> str:
    """Return what `pip config list` said as a pip.conf; the environment's settings win, as they do in pip."""
    found: dict[str, str] = {}
    for line in sorted(listed.splitlines(), key=lambda line: line.startswith(":env:")):
        place, _, value = line.partition("=")
        name = place.rpartition(".")[2]
        if name in CARRIED:
            found[name] = ast.literal_eval(value)
    settings = [f"{name} = {' '.join(value.split())}\n" for name, value in sorted(found.items())]
    return "".join(["[global]\n", *settings]) if settings else ""
