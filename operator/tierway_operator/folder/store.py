"""A folder as a store. What objects mean is the compiler's to say; what is valid, the committed CRDs'."""

import asyncio
import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from watchfiles import Change, awatch

from tierway_operator.amounts import timestamp
from tierway_operator.crds import committed_crds
from tierway_operator.folder.documents import Document, Identity
from tierway_operator.folder.files import SETTLE_SECONDS, Files
from tierway_operator.folder.listing import Lister
from tierway_operator.folder.outputs import Outputs, file_name
from tierway_operator.folder.registry import Registry
from tierway_operator.folder.secrets import config_maps, secrets
from tierway_operator.store import Entry, Kind, Listing, Proxy, Published, Ref, Unreachable, World
from tierway_operator.validation import Validator

logger = logging.getLogger(__name__)

_REGISTRY = "objects.json"
_TALLY = "tally.json"
_LOOK_MILLISECONDS = 2000
_QUIET_MILLISECONDS = 20


class FolderStore:
    """`proxies` says which processes there are. `watch` runs beside; without it only a resync sees an edit."""

    def __init__(
        self,
        folder: Path,
        proxies: Callable[[], Iterable[Proxy]] = tuple,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._folder, self._proxies, self._environment = folder, proxies, environment
        self._outputs, self._files = Outputs(folder), Files(folder)
        self._outputs.prepare()
        self._outputs.clean()
        self._registry = self._registered()
        self._lister = Lister(_committed(), self._registry)
        self._statuses: dict[Identity, Mapping[str, Any]] = {}
        self._change = asyncio.Event()

    def touched(self) -> None:
        """Say that proxies came or went."""
        self._change.set()

    async def watch(self) -> None:
        """Take note of every change in the folder until cancelled; a folder that is away for a while is waited for."""
        while True:
            if self._folder.is_dir():
                await self._watch_until_replaced()
            self._change.set()
            await asyncio.sleep(_QUIET_MILLISECONDS / 1000)

    async def changed(self) -> None:
        await self._change.wait()
        self._change.clear()

    async def world(self) -> World:
        try:
            return self._world()
        except OSError as error:
            raise Unreachable(f"{self._folder}: {error}") from error

    async def proxies(self) -> tuple[Proxy, ...]:
        return tuple(self._proxies())

    async def publish(self, policy: str, published: Published) -> None:
        self._written(lambda: self._outputs.publish(policy, published))

    async def unpublish(self, policy: str) -> None:
        self._written(lambda: self._outputs.unpublish(policy))

    async def publish_keys(self, keys: Mapping[str, str]) -> None:
        self._written(lambda: self._outputs.publish_keys(keys))

    async def token(self) -> str:
        try:
            return self._outputs.token()
        except OSError as error:
            raise Unreachable(str(error)) from error

    async def write_status(self, ref: Ref, status: Mapping[str, Any]) -> None:
        which = Identity(ref.kind, ref.namespace, ref.name)
        record = self._registry.get(which)
        if record is not None and record.uid == ref.uid:
            whole = {**record.whole(), "status": dict(status)}
            self._written(lambda: self._outputs.write_status(_status_name(which), whole))
            self._statuses[which] = status

    async def load_tally(self) -> str | None:
        try:
            return self._outputs.load(_TALLY)
        except OSError as error:
            raise Unreachable(str(error)) from error

    async def save_tally(self, text: str) -> None:
        self._written(lambda: self._outputs.save(_TALLY, text))

    async def _watch_until_replaced(self) -> None:
        watched = self._folder.stat().st_ino
        async for changes in awatch(
            self._folder,
            watch_filter=self._is_input,
            step=_QUIET_MILLISECONDS,
            rust_timeout=_LOOK_MILLISECONDS,
            yield_on_timeout=True,
            recursive=False,
        ):
            if changes:
                self._change.set()
            if not self._folder.is_dir() or self._folder.stat().st_ino != watched:
                return

    def _is_input(self, _: Change, path: str) -> bool:
        return Path(path).name not in {".tierway", "status"}

    def _world(self) -> World:
        try:
            files = self._files.look(time.monotonic())
        except (FileNotFoundError, NotADirectoryError):
            away = Listing(error=f"{self._folder} is not a folder")
            return World(away, away)
        self._outputs.prepare()
        if self._files.restless:
            asyncio.get_running_loop().call_later(SETTLE_SECONDS, self._change.set)
        before = self._registry.text()
        entries = self._lister.entries(files, self._status, timestamp(time.time()))
        if self._registry.text() != before:
            self._outputs.save(_REGISTRY, self._registry.text())
        for which in self._statuses.keys() - entries.keys():
            self._outputs.forget_status(_status_name(which))
            del self._statuses[which]
        return self._of(entries, [document for file in files for document in file.documents])

    def _of(self, entries: Mapping[Identity, Entry], documents: list[Document]) -> World:
        return World(
            tiers=_listing(entries, "ModelTier"),
            policies=_listing(entries, "RoutingPolicy"),
            secrets=secrets(documents, self._environment),
            config_maps=config_maps(documents),
            published=self._outputs.published(),
            keys=self._outputs.keys(),
        )

    def _status(self, which: Identity) -> Mapping[str, Any]:
        if which not in self._statuses:
            self._statuses[which] = self._outputs.status(_status_name(which))
        return self._statuses[which]

    def _registered(self) -> Registry:
        text = self._outputs.load(_REGISTRY)
        try:
            return Registry(text)
        except ValueError as error:
            logger.warning(
                "%s cannot be read (%s): generations start anew", self._folder / ".tierway" / _REGISTRY, error
            )
            return Registry(None)

    def _written(self, write: Callable[[], None]) -> None:
        try:
            write()
        except OSError as error:
            raise Unreachable(str(error)) from error


@cache
def _committed() -> Validator:
    return Validator(committed_crds())


def _listing(entries: Mapping[Identity, Entry], kind: Kind) -> Listing:
    return Listing(tuple(entry for which, entry in entries.items() if which.kind == kind))


def _status_name(which: Identity) -> str:
    return file_name(which.kind.lower(), which.namespace, which.name)
