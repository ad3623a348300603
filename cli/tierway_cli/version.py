"""`tierway version`."""

from argparse import ArgumentParser, Namespace
from importlib.metadata import version


def add_arguments(_: ArgumentParser) -> None:
    """There are none."""


def run(_: Namespace) -> int:
    print(version("tierway"))
    return 0
