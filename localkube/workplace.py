"""The directory of one control plane: the owner's alone, and gone afterwards."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass
class Workplace:
    """`folder` with its parts; leaving it removes all, but the logs when the block failed or `keep_logs` was set."""

    folder: Path
    keep_logs: bool = False

    @classmethod
    def of(cls, directory: Path | None) -> Self:
        """Make one in `directory`, which must be empty or absent, or in a temporary one. Raises FileExistsError."""
        folder = Path(tempfile.mkdtemp(prefix="localkube-")) if directory is None else directory.absolute()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise FileExistsError(f"{folder} is in use: a control plane wants an empty directory")
        return cls(folder)

    @property
    def pki(self) -> Path:
        return self.folder / "pki"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    def __enter__(self) -> Self:
        for part in (self.pki, self.logs):
            part.mkdir(mode=0o700)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, Exception):  # Ctrl-C is no failure
            self.keep_logs = True
            error.add_note(f"the control plane's logs: {self.logs}")
        self._remove()

    def _remove(self) -> None:
        if not self.keep_logs:
            shutil.rmtree(self.folder)
            return
        for entry in self.folder.iterdir():
            if entry.is_dir() and entry != self.logs:
                shutil.rmtree(entry)
            elif entry != self.logs:
                entry.unlink()
