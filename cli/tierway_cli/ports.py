"""Ports that are given as flags: read, and tried before anything is started, so that a fault names its flag."""

import argparse
import errno
import socket

_LAST = 65535


class PortError(Exception):
    """Its text is a sentence for people."""


def port(text: str) -> int:
    """Read a port; 0 takes a free one."""
    number = int(text)
    if not 0 <= number <= _LAST:
        raise argparse.ArgumentTypeError(f"must be between 0 and {_LAST}")
    return number


def free_port(host: str, number: int, flag: str) -> int:
    """Return the port, for 0 one that is free; raise PortError when it cannot be had. `flag`: what gave it."""
    if number > _LAST:
        raise PortError(f"port {number} of {host} is beyond {_LAST}, the last one; give a lower {flag}.")
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, number))
        except OSError as error:
            other = "--host" if _of_the_host(error) else flag
            raise PortError(
                f"port {number} of {host} cannot be had ({error.strerror}); give another {other}."
            ) from None
        found: int = probe.getsockname()[1]
        return found


def _of_the_host(error: OSError) -> bool:
    return isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL
