"""`tierway`. Nothing that takes time is imported before a Ctrl-C can end it without a word."""

import sys
from collections.abc import Sequence

_INTERRUPTED = 130
"""What a shell makes of SIGINT: 128 and its number."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; a Ctrl-C that it does not take care of itself ends it without a word."""
    try:
        from tierway_cli.commands import run  # noqa: PLC0415 - a tenth of a second, in which people press Ctrl-C

        return run(arguments)
    except KeyboardInterrupt:
        return _INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
