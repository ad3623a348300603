"""Images without a registry and without Docker: built here, kept in the user's cache, handed to a node as archives.

A second run finds what the first has made: the bases by what went into them, the layers of other images by buildah.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from localkube import debian, pip_settings
from localkube.binaries import cache
from localkube.errors import UnavailableError
from localkube.image_store import ImageStore, refuse_without_means
from localkube.lock import one_at_a_time
from localkube.progress import Progress

PYTHON = "localhost/python:base"
PAUSE = "localhost/pause:1"
LABEL = "dev.tierway.made-from"
MOST_IMAGES = 150
"""Layers that are kept for the next build are images without a name; a changed checkout leaves some at each build."""
BASES = {
    PYTHON: f"FROM scratch\nADD root.tar /\nENV PIP_CERT={debian.AUTHORITIES}\n",
    PAUSE: 'FROM scratch\nCOPY busybox /busybox\nENTRYPOINT ["/busybox", "sleep", "2147483647"]\n',
}


class BuildError(Exception):
    """A Containerfile does not build: a defect of it, with the end of the log that shows it."""


def base() -> None:
    """Make the images PYTHON (a Debian with Python) and PAUSE, unless they are there. Raises UnavailableError."""
    with _store() as store:
        _base(store)


def build(
    containerfile: Path, context: Path, name: str, base: str = PYTHON, arguments: Mapping[str, str] | None = None
) -> None:
    """Build an image on `base`, given as the build argument BASE. Raises UnavailableError and BuildError."""
    with _store() as store, _secret() as pip_conf:
        _base(store)
        options = [f"--build-arg={key}={value}" for key, value in {"BASE": base, **(arguments or {})}.items()]
        _tidy(store)
        try:
            store.run(
                f"building {name}",
                *("bud", "--isolation=chroot", "--layers", "--pull-never", f"--secret=id=pip,src={pip_conf}"),
                *(*options, f"--tag={name}", f"--file={containerfile.absolute()}", str(context.absolute())),
            )
        except UnavailableError as error:
            raise BuildError(str(error)) from error


def archive(name: str, path: Path) -> Path:
    """Write an image to `path` as an OCI archive, which a node can load; returns it. Raises UnavailableError."""
    with _store() as store:
        path.unlink(missing_ok=True)
        store.run(
            f"writing {name}", "push", "--quiet", "--disable-compression", name, f"oci-archive:{path.absolute()}:{name}"
        )
    return path


@contextmanager
def _store() -> Iterator[ImageStore]:
    refuse_without_means()
    store = ImageStore(cache() / "images", Progress())
    store.folder.mkdir(parents=True, exist_ok=True)
    with one_at_a_time(store.folder / "lock", store.progress):
        store.remove_leftovers()
        yield store


def _base(store: ImageStore) -> None:
    release = debian.release()
    made_from = _digest(release)
    missing = [name for name in BASES if _made_from(store, name) != made_from]
    if not missing:
        return
    store.progress.say(f"Making {' and '.join(missing)} once for this machine, into {store.folder}:")
    scratch = Path(tempfile.mkdtemp(prefix="run-", dir=store.folder))
    try:
        root = debian.make(release, store, scratch)
        debian.pack(root, store, scratch)
        shutil.copy(root / "bin/busybox", scratch)
        shutil.rmtree(root)
        for name in missing:
            _make(store, name, scratch, made_from)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _make(store: ImageStore, name: str, folder: Path, made_from: str) -> None:
    file = folder / "Containerfile"
    file.write_text(BASES[name])
    options = ("--isolation=chroot", f"--label={LABEL}={made_from}", f"--tag={name}", f"--file={file}")
    store.run(f"building {name}", "bud", *options, str(folder))


def _digest(release: debian.Release) -> str:
    authorities = debian.AUTHORITIES.read_bytes() if debian.AUTHORITIES.exists() else b""
    parts = [release.name, release.mirror, *release.components, *debian.PACKAGES, *debian.UNUSED, *BASES.values()]
    return hashlib.sha256(json.dumps(parts).encode() + authorities).hexdigest()[:16]


def _made_from(store: ImageStore, name: str) -> str | None:
    return store.ask("inspect", "--type=image", f'--format={{{{index .OCIv1.Config.Labels "{LABEL}"}}}}', name)


def _tidy(store: ImageStore) -> None:
    store.ask("rm", "--all")  # of builds that were killed
    if len((store.ask("images", "--all", "--quiet") or "").splitlines()) > MOST_IMAGES:
        store.ask("rmi", "--prune")


@contextmanager
def _secret() -> Iterator[Path]:
    """A pip.conf for the build alone: an index's address may hold a password."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "pip.conf")
        file.touch(mode=0o600)
        file.write_text(pip_settings.conf_of_this_machine())
        yield file
