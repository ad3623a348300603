"""What can be said of the image without building it: what it stands on, what is installed, who runs it."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "Containerfile").read_text()
INSTRUCTIONS = [
    re.sub(r"\s+", " ", line)
    for line in re.sub(r"\\\n", "", re.sub(r"^#.*\n", "", TEXT, flags=re.MULTILINE)).splitlines()
    if line
]
LOCKS = ("image.txt", "image-build.txt")


def said(instruction: str) -> list[str]:
    """The arguments of each such instruction, in order."""
    return [line.partition(" ")[2] for line in INSTRUCTIONS if line.startswith(f"{instruction} ")]


def pins(lock: str) -> dict[str, str]:
    """The versions of a lock, by name."""
    return dict(re.findall(r"^([a-z0-9-]+)==([^ ]+)", (ROOT / "requirements" / lock).read_text(), flags=re.MULTILINE))


def test_every_stage_stands_on_the_one_base():
    """Who gives another BASE gets all of it on that: bytecode and wheels fit the Python that runs them."""
    assert said("FROM") == ["${BASE} AS build", "${BASE}"]


def test_the_base_is_a_certain_python():
    """Its minor version and its Debian: a build of next year stands on the same ones."""
    (base,) = [default for name, _, default in (arg.partition("=") for arg in said("ARG")) if name == "BASE"]
    assert re.fullmatch(r"docker\.io/library/python:3\.\d+-slim-[a-z]+", base)


def test_it_runs_as_a_numbered_user_and_not_root():
    """A kubelet refuses `runAsNonRoot` for a name, which it cannot look up."""
    assert said("USER") == ["65532:65532"]


def test_its_version_is_that_of_the_project():
    """The label's default is right; the build itself refuses a wrong one."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f"VERSION={project['version']}" in said("ARG")
    assert 'org.opencontainers.image.version="${VERSION}"' in said("LABEL")[0]
    assert f'org.opencontainers.image.description="{project["description"]}"' in said("LABEL")[0]
    assert f'org.opencontainers.image.licenses="{project["license"]}"' in said("LABEL")[0]


def test_there_is_no_entrypoint():
    """A pod's `command` is all that runs."""
    assert said("ENTRYPOINT") == []


def test_all_that_is_installed_comes_from_hashed_locks_or_is_the_projects_own_wheel():
    """And as wheels: no code of a dependency runs in the build, and no compiler is wanted."""
    installs = [part for line in said("RUN") for part in line.split("&&") if re.search(r"\bpip\b.* install ", part)]
    assert len(installs) == 3
    *locked, own = installs
    for install, lock in zip(locked, ("image-build.txt", "image.txt"), strict=True):
        assert "--require-hashes --only-binary :all:" in install
        assert install.strip().endswith(f"-r {lock}")
    assert "--no-deps --no-index dist/*.whl" in own


@pytest.mark.parametrize("lock", LOCKS)
def test_the_locks_are_made_by_make_lock_and_copied(lock):
    """Both by `make lock`, so that they move with the others."""
    assert f"-o requirements/{lock}" in (ROOT / "Makefile").read_text()
    assert any(f"requirements/{lock}" in copied for copied in said("COPY"))


@pytest.mark.parametrize("lock", LOCKS)
def test_what_is_installed_is_what_the_tests_run_with(lock):
    """The same versions as in a checkout."""
    assert pins(lock)
    assert pins(lock).items() <= pins("dev.txt").items()


def test_the_image_has_the_operators_extra_and_nothing_for_numbers():
    """`tierway label` and `calibrate` are for a checkout: numpy would add a third to the image."""
    assert {"kopf", "kubernetes", "aiohttp", "uvloop"} <= pins("image.txt").keys()
    assert not {"numpy", "pytest", "hatchling", "pip", "setuptools"} & pins("image.txt").keys()


def test_only_what_is_copied_gets_into_the_context():
    """Everything is ignored but that; a key or an environment beside it is not even sent to the builder."""
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    allowed = {line[1:] for line in lines if line[0] == "!"}
    copied = {word for line in said("COPY") for word in line.split()[:-1] if not line.startswith("--from")}
    assert lines[0] == "*"
    assert allowed == copied
    assert {path for path in copied if not (ROOT / path).exists()} == set()
