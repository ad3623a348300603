"""A small Debian of this machine's own release, from this machine's own mirror: what the images of tests stand on."""

import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from localkube.errors import UnavailableError
from localkube.image_store import ImageStore
from localkube.machine import found

PACKAGES = ("python3", "python3-venv", "ca-certificates", "busybox-static")
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
UNUSED = ("dev/*", "var/cache/apt/*", "var/lib/apt/lists/*", "usr/share/doc/*", "usr/share/man/*", "usr/share/locale/*")
FORMAT = "$(RELEASE) $(REPO_URI) $(COMPONENT)"


@dataclass(frozen=True)
class Release:
    """`name` as in `bookworm`; `components` as apt has them."""

    name: str
    mirror: str
    components: tuple[str, ...]


def release() -> Release:
    """Return this machine's. Raises UnavailableError where apt does not know it."""
    name = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    apt = shutil.which("apt-get")
    command = [str(apt), "indextargets", f"--format={FORMAT}", "Created-By: Packages"]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout if apt else ""
    return chosen(name, said)


def chosen(name: str, targets: str) -> Release:
    """Return the release `name` of what apt lists. Raises UnavailableError where it lists none."""
    lines = [line.split() for line in targets.splitlines() if len(line.split()) == 3]
    places = [(mirror, component) for suite, mirror, component in lines if suite == name]
    if not places:
        raise UnavailableError(f"a base image needs Debian's packages, and apt here has none of {name or 'Debian'}")
    mirror = places[0][0]
    return Release(name, mirror, tuple(dict.fromkeys(component for at, component in places if at == mirror)))


def make(release: Release, store: ImageStore, scratch: Path) -> Path:
    """Make it in `scratch`; returns the folder. Raises UnavailableError."""
    root = scratch / "root"
    options = ("--variant=minbase", f"--include={','.join(PACKAGES)}", f"--components={','.join(release.components)}")
    command = (found("debootstrap"), *options, release.name, str(root), release.mirror)
    store.step("installing Debian's packages", command, scratch)
    if AUTHORITIES.exists():  # where a company's own proxy looks into TLS, its authority is among them
        shutil.copy(AUTHORITIES, root / AUTHORITIES.relative_to("/"))
    return root


def pack(root: Path, store: ImageStore, scratch: Path) -> Path:
    """Return its archive, without what no container of ours reads."""
    archive = scratch / "root.tar"
    unused = [f"--exclude=./{path}" for path in UNUSED]
    store.step(
        "packing them", (found("tar"), f"--directory={root}", *unused, f"--file={archive}", "--create", "."), scratch
    )
    return archive
