"""What is written into a folder: whole files or none (a rename), keys for this user alone, and nothing for git."""

import os
import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from tempfile import NamedTemporaryFile
from typing import Any

import yaml
from pydantic import ValidationError

from tierway_operator.store import Published
from tierway_proxy.contract.state import State

TOKEN = "token"  # noqa: S105 - the name of its file
_UID = "policy-uid"
_LONGEST_NAME = 200
_STRANGE = re.compile("[^-._a-zA-Z0-9]")
_HEADER = "# Written by tierway; edits are overwritten.\n"


def published_in(folder: Path) -> Path:
    """Return the directory that proxies follow (`--tables`)."""
    return folder / ".tierway" / "published"


class _Dumper(yaml.SafeDumper):
    """Writes everything out where it stands, without anchors."""

    def ignore_aliases(self, data: object) -> bool:
        del data
        return True


class Outputs:
    """Methods raise OSError."""

    def __init__(self, folder: Path) -> None:
        self._own, self._statuses = folder / ".tierway", folder / "status"
        # proxies watch this directory and nothing of what else is written
        self._tables, self._keys = published_in(folder) / "tables", published_in(folder) / "keys"

    def prepare(self) -> None:
        """Make what is not there yet."""
        for path, mode in ((self._tables, 0o755), (self._keys, 0o700), (self._statuses, 0o755)):
            path.mkdir(parents=True, exist_ok=True)
            path.chmod(mode)
        for path in (self._own / ".gitignore", self._statuses / ".gitignore"):
            if not path.is_file():
                replace(path, "*\n")

    def clean(self) -> None:
        """Remove what a process left that died while it wrote."""
        for path in (self._own, self._statuses):
            for left in path.rglob(".tmp-*"):
                left.unlink(missing_ok=True)

    def published(self) -> dict[str, Published]:
        """Return both texts of every policy, by its name."""
        return dict(self._read_tables())

    def publish(self, policy: str, published: Published) -> None:
        """Write the state first: what left must not be served by the new table for a moment.

        The uid comes last: an old table must not pass for a new object's.
        """
        folder = self._tables / file_name(policy)
        folder.mkdir(exist_ok=True)
        texts = {"state.json": published.state, "table.json": published.table, _UID: published.uid}
        for name, text in texts.items():
            if text is None:
                (folder / name).unlink(missing_ok=True)
            elif not (folder / name).is_file() or (folder / name).read_text(encoding="utf-8") != text:
                replace(folder / name, text)

    def unpublish(self, policy: str) -> None:
        folder = self._tables / file_name(policy)
        for name in ("table.json", "state.json", _UID):
            (folder / name).unlink(missing_ok=True)
        if folder.is_dir():
            folder.rmdir()

    def keys(self) -> dict[str, str]:
        files = (file for file in self._keys.iterdir() if not file.name.startswith(".") and file.name != TOKEN)
        return {file.name: file.read_text(encoding="utf-8") for file in files}

    def publish_keys(self, keys: Mapping[str, str]) -> None:
        there = self.keys()
        for name, key in keys.items():
            if there.get(name) != key:
                replace(self._keys / name, key)
        for name in there.keys() - keys.keys():
            (self._keys / name).unlink(missing_ok=True)

    def token(self) -> str:
        path = self._keys / TOKEN
        if not path.is_file():
            replace(path, token_hex(32))
        return path.read_text(encoding="utf-8")

    def status(self, name: str) -> dict[str, Any]:
        """Return the status that was written for an object, or an empty one."""
        try:
            found = yaml.load((self._statuses / f"{name}.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader)
        except (FileNotFoundError, yaml.YAMLError):
            return {}
        status = found.get("status") if isinstance(found, dict) else None
        return status if isinstance(status, dict) else {}

    def write_status(self, name: str, whole: Mapping[str, Any]) -> None:
        text = yaml.dump(dict(whole), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
        replace(self._statuses / f"{name}.yaml", _HEADER + text, mode=0o644)

    def forget_status(self, name: str) -> None:
        (self._statuses / f"{name}.yaml").unlink(missing_ok=True)

    def load(self, name: str) -> str | None:
        """Return a text of our own (`tally.json`); None when there is none."""
        return self._text(self._own / name)

    def save(self, name: str, text: str) -> None:
        replace(self._own / name, text)

    @staticmethod
    def _text(path: Path) -> str | None:
        return path.read_text(encoding="utf-8") if path.is_file() else None

    def _read_tables(self) -> Iterator[tuple[str, Published]]:
        for folder in sorted(self._tables.iterdir()):
            names = ("table.json", "state.json", _UID)
            table, state, uid = (self._text(folder / name) for name in names)
            if table is not None and state is not None:
                found = Published(table, state, uid)
                yield _policy_of(folder.name, found), found


def _policy_of(folder: str, published: Published) -> str:
    """Return whose texts these are: a folder's name may be cut, so that the state is asked first."""
    try:
        return State.model_validate_json(published.state).policy
    except ValidationError:
        return folder.replace(".", "/", 1)


def file_name(*parts: str) -> str:
    """Return a name for a file: the parts joined by dots; too long a one is cut and told apart by a hash."""
    name = _STRANGE.sub("-", ".".join(parts).replace("/", "."))
    if len(name) <= _LONGEST_NAME:
        return name
    return f"{name[:_LONGEST_NAME]}.{sha256(name.encode()).hexdigest()[:16]}"


def replace(path: Path, text: str, mode: int = 0o600) -> None:
    """Write a file whole, or leave the old one."""
    with NamedTemporaryFile("w", dir=path.parent, prefix=".tmp-", delete=False, encoding="utf-8") as file:
        file.write(text)
    os.chmod(file.name, mode)  # noqa: PTH101 - a name, no path
    os.replace(file.name, path)  # noqa: PTH105 - the call whose name says atomic
