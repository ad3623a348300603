"""What may go wrong, named by what the one who catches it may do about it."""

from collections.abc import Sequence


class UnavailableError(Exception):
    """No control plane can be had on this machine; the text says why. A test may be left out for it, never quietly."""


class StartError(Exception):
    """The programs are there and do not come up: a defect, with the end of the log that shows it."""


class CommandError(Exception):
    """kubectl, helm, the API server or a program of the system refused.

    `code` is the exit code (or the HTTP status), `complaint` all that was said about it.
    """

    def __init__(self, command: Sequence[str], code: int, complaint: str) -> None:
        super().__init__(f"{' '.join(command)} ended with {code}: {complaint.strip()}")
        self.code = code
        self.complaint = complaint
