"""Images are made once, by tools that are asked for first; what a build needs of this machine stays on it."""

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from localkube import UnavailableError, debian, image_store, images, machine, pip_settings
from localkube.progress import Progress

# Keeps the labels of what it built; a Containerfile that says FAIL does not build.
BUILDAH = """
import json, pathlib, sys
here = pathlib.Path(__file__).parent
options = dict(word.split("=", 1) for word in sys.argv[1:] if word.startswith("--") and "=" in word)
words = [word for word in sys.argv[1:] if not word.startswith("--")]
made = json.loads((here / "made").read_text()) if (here / "made").exists() else {}
with (here / "calls").open("a") as calls:
    print(json.dumps(sys.argv[1:]), file=calls)
if words[0] == "inspect":
    print(made.get(words[-1], ""))
    sys.exit(words[-1] not in made)
if words[0] == "bud":
    text = pathlib.Path(options["--file"]).read_text()
    if "--secret" in options:
        (here / "secret").write_text(pathlib.Path(options["--secret"].partition("src=")[2]).read_text())
    if "FAIL" in text:
        sys.exit("step 3 of the Containerfile went wrong")
    made[options["--tag"]] = options.get("--label", "").partition("=")[2]
    (here / "made").write_text(json.dumps(made))
if words[0] == "push":
    with pathlib.Path(words[-1].split(":")[1]).open("x") as archive:
        archive.write("archive")
"""
DEBOOTSTRAP = """
import pathlib, sys
root = pathlib.Path(sys.argv[-2])
for file in ("bin/busybox", "etc/ssl/certs/ca-certificates.crt", "usr/share/doc/python3/README"):
    (root / file).parent.mkdir(parents=True, exist_ok=True)
    (root / file).write_text(file)
with (pathlib.Path(__file__).parent / "installed").open("a") as installed:
    print(*sys.argv[1:], file=installed)
"""
UNSHARE = """
import os, sys
command = sys.argv[sys.argv.index("--") + 1 :]
os.execv(command[0], command)
"""
RELEASE = debian.Release("bookworm", "http://mirror.invalid/debian", ("main",))


class Machine:
    """One with buildah and debootstrap that do nothing real."""

    def __init__(self, tools: Path) -> None:
        self.tools = tools

    @property
    def calls(self) -> list[list[str]]:
        """What buildah was called for."""
        return [json.loads(line) for line in (self.tools / "calls").read_text().splitlines()]

    def builds(self) -> list[str]:
        """The names that it built, in order."""
        return [word[6:] for call in self.calls if "bud" in call for word in call if word.startswith("--tag=")]


@pytest.fixture
def tools(script: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Machine:
    """Root, its tools and an empty cache."""
    for name, text in {"buildah": BUILDAH, "debootstrap": DEBOOTSTRAP, "unshare": UNSHARE}.items():
        folder = script(name, text).parent
    for module in (machine, image_store):
        monkeypatch.setattr(module, "SYSTEM_PATH", f"{folder}:/bin:/usr/bin")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(debian, "release", lambda: RELEASE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Machine(folder)


@pytest.fixture
def containerfile(tmp_path: Path) -> Path:
    """One that builds."""
    path = tmp_path / "Containerfile"
    path.write_text("ARG BASE\nFROM ${BASE}\n")
    return path


def test_the_bases_are_made_once(tools: Machine) -> None:
    """A second run, a minute shorter, finds them."""
    images.base()
    assert tools.builds() == [images.PYTHON, images.PAUSE]
    images.base()
    assert tools.builds() == [images.PYTHON, images.PAUSE]
    (installed,) = (tools.tools / "installed").read_text().splitlines()
    assert "python3-venv" in installed
    assert installed.endswith("http://mirror.invalid/debian")


def test_the_bases_are_made_anew_when_something_else_goes_into_them(
    tools: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One more package, or this machine's next Debian."""
    images.base()
    monkeypatch.setattr(debian, "PACKAGES", (*debian.PACKAGES, "tzdata"))
    images.base()
    assert tools.builds() == [images.PYTHON, images.PAUSE] * 2


@pytest.mark.usefixtures("tools")
def test_the_base_has_no_manuals(tmp_path: Path) -> None:
    """Nor anything else that no container reads: each run loads it into a node."""
    store = image_store.ImageStore(tmp_path / "store", Progress(io.StringIO()))
    root = debian.make(RELEASE, store, tmp_path)
    with tarfile.open(debian.pack(root, store, tmp_path)) as packed:
        names = packed.getnames()
    assert (root / "usr/share/doc/python3/README").exists()
    assert "./bin/busybox" in names
    assert not [name for name in names if "README" in name]


def test_a_build_stands_on_the_base_and_leaves_the_machines_own_images_alone(
    tools: Machine, containerfile: Path, tmp_path: Path
) -> None:
    """Storage of its own, the base by its build argument, nothing pulled."""
    images.build(containerfile, tmp_path, "localhost/mine:1", arguments={"VERSION": "7"})
    call = next(call for call in tools.calls if "--tag=localhost/mine:1" in call)
    assert {f"--build-arg=BASE={images.PYTHON}", "--build-arg=VERSION=7", "--pull-never"} <= set(call)
    assert all(f"--root={tmp_path / 'cache/tierway/images/storage'}" in call for call in tools.calls)


def test_a_build_finds_packages_where_this_machine_does_and_keeps_no_word_of_it(
    tools: Machine, containerfile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An index's address may hold a password: it is there for the build alone."""
    monkeypatch.setattr(pip_settings, "conf_of_this_machine", lambda: "[global]\nindex-url = https://me:pw@i.invalid\n")
    images.build(containerfile, tmp_path, "localhost/mine:1")
    assert (tools.tools / "secret").read_text().endswith("me:pw@i.invalid\n")
    (secret,) = [word.partition("src=")[2] for call in tools.calls for word in call if word.startswith("--secret=")]
    assert not Path(secret).exists()


@pytest.mark.usefixtures("tools")
def test_a_containerfile_that_does_not_build_is_a_defect_and_no_excuse(containerfile: Path, tmp_path: Path) -> None:
    """A test may be left out for UnavailableError, never for this."""
    containerfile.write_text("FAIL")
    with pytest.raises(images.BuildError, match="step 3 of the Containerfile went wrong"):
        images.build(containerfile, tmp_path, "localhost/mine:1")
    assert not issubclass(images.BuildError, UnavailableError)


def test_an_archive_replaces_the_one_before(tools: Machine, tmp_path: Path) -> None:
    """What is there buildah would refuse to write to."""
    (tmp_path / "image.tar").write_text("old")
    images.base()
    assert images.archive(images.PAUSE, tmp_path / "image.tar").read_text() == "archive"
    assert tools.calls[-1][-1] == f"oci-archive:{tmp_path / 'image.tar'}:{images.PAUSE}"


@pytest.mark.usefixtures("tools")
def test_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    """Its scratch, a whole Debian perhaps, is the next run's to remove; what pip has fetched stays."""
    folder = tmp_path / "cache/tierway/images"
    for left in ("run-killed/root/bin", "tmp/oci123", "tmp/buildah-cache/pip"):
        (folder / left).mkdir(parents=True)
    (folder / "tmp/half-an-archive").touch()
    images.base()
    assert sorted(each.name for each in folder.iterdir()) == ["lock", "tmp"]
    assert [str(each.relative_to(folder / "tmp")) for each in (folder / "tmp").glob("*/*")] == ["buildah-cache/pip"]
    assert len(list((folder / "tmp").iterdir())) == 1


def test_missing_tools_are_named_with_their_packages(tools: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """What to install, in one command."""
    for name in ("buildah", "debootstrap"):
        (tools.tools / name).unlink()
    monkeypatch.setattr(image_store, "SYSTEM_PATH", str(tools.tools))
    with pytest.raises(UnavailableError, match=r"apt-get install buildah debootstrap tar$"):
        images.base()


def test_who_is_not_root_is_told_so(tools: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is begun."""
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(UnavailableError, match="root"):
        images.base()
    assert not (tools.tools / "calls").exists()


def test_the_mirror_is_apts_own_for_this_release() -> None:
    """Of updates and of other vendors' archives it takes none."""
    targets = """
nodistro https://vendor.invalid/ main
bookworm-security http://mirror.invalid/debian-security/ main
bookworm http://mirror.invalid/debian/ main
bookworm http://mirror.invalid/debian/ contrib
"""
    assert debian.chosen("bookworm", targets) == debian.Release(
        "bookworm", "http://mirror.invalid/debian/", ("main", "contrib")
    )


def test_a_machine_without_apt_cannot_make_the_base() -> None:
    """And says what it lacks."""
    with pytest.raises(UnavailableError, match="apt here has none of trixie"):
        debian.chosen("trixie", "")


def test_pips_settings_go_along_but_files_of_this_machine_do_not() -> None:
    """The environment's win, as in pip; a certificate's path means nothing inside."""
    listed = """:env:.index-url='https://env.invalid/simple'
global.cert='/etc/ssl/mine.crt'
global.find-links='/opt/wheels'
global.extra-index-url='https://a.invalid/simple\\nhttps://b.invalid/simple'
global.index-url='https://file.invalid/simple'
"""
    assert pip_settings.conf(listed) == (
        "[global]\n"
        "extra-index-url = https://a.invalid/simple https://b.invalid/simple\n"
        "index-url = https://env.invalid/simple\n"
    )


def test_pip_as_it_came_needs_no_settings() -> None:
    """An empty file is a pip.conf too."""
    assert pip_settings.conf("global.cert='/etc/ssl/mine.crt'\n") == ""
