"""A control plane that does not come up leaves its logs and nothing else; one that is used leaves nothing."""

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from localkube import Binaries, ControlPlane, StartError
from localkube.workplace import Workplace

# Answers /health over TLS with the certificates that it is told of, as etcd does.
ETCD = """
import http.server, os, pathlib, ssl, sys
options = dict(word.removeprefix("--").partition("=")[::2] for word in sys.argv[1:])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()
    def log_message(self, *_): pass
pathlib.Path(options["data-dir"]).mkdir()
pathlib.Path(__file__).with_name("pid").write_text(str(os.getpid()))
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=options["trusted-ca-file"])
context.load_cert_chain(options["cert-file"], options["key-file"])
context.verify_mode = ssl.CERT_REQUIRED
server = http.server.HTTPServer(("127.0.0.1", int(options["listen-client-urls"].rpartition(":")[2])), Handler)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""
BREAKS = "print('E1124 unknown flag: --secure-port', flush=True); raise SystemExit(1)"


def test_a_start_that_fails_half_way_leaves_its_logs_only(
    tmp_path: Path, script: Callable[[str, str], Path], runs: Callable[[int], bool]
) -> None:
    """The API server breaks: the error shows its last words and where the logs are, etcd is gone, keys and data too."""
    etcd, breaks = script("etcd", ETCD), script("kube-apiserver", BREAKS)
    directory = tmp_path / "plane"
    with (
        pytest.raises(StartError, match=r"(?s)kube-apiserver ended with 1;.*unknown flag: --secure-port") as failed,
        ControlPlane.started(directory, Binaries(etcd, breaks, breaks)),
    ):
        pytest.fail("it must not start")
    assert not runs(int((etcd.parent / "pid").read_text()))
    assert [path.name for path in directory.iterdir()] == ["logs"]
    assert {path.name for path in (directory / "logs").iterdir()} == {"etcd.log", "kube-apiserver.log"}
    assert failed.value.__notes__ == [f"the control plane's logs: {directory / 'logs'}"]


def test_a_directory_in_use_is_refused_untouched(tmp_path: Path, script: Callable[[str, str], Path]) -> None:
    """What is removed afterwards must be ours from the start."""
    (tmp_path / "thesis.txt").touch()
    breaks = script("etcd", BREAKS)
    with (
        pytest.raises(FileExistsError, match="wants an empty directory"),
        ControlPlane.started(tmp_path, Binaries(breaks, breaks, breaks)),
    ):
        pytest.fail("it must not start")
    assert (tmp_path / "thesis.txt").exists()


def test_a_place_is_the_owner_s_alone_and_gone_afterwards(tmp_path: Path) -> None:
    """Keys are in there."""
    with Workplace.of(tmp_path / "plane") as place:
        assert stat.S_IMODE(place.folder.stat().st_mode) == 0o700
        (place.pki / "key").touch()
    assert not (tmp_path / "plane").exists()


def test_an_interrupted_place_is_no_failure(tmp_path: Path) -> None:
    """Who ends a demo by Ctrl-C wants no logs."""
    with pytest.raises(KeyboardInterrupt), Workplace.of(tmp_path / "plane"):
        raise KeyboardInterrupt
    assert not (tmp_path / "plane").exists()


def test_logs_are_kept_when_asked_for(tmp_path: Path) -> None:
    """A run of tests knows better than the control plane whether something failed."""
    with Workplace.of(tmp_path / "plane") as place:
        (place.logs / "etcd.log").touch()
        (place.folder / "admin.kubeconfig").touch()
        place.keep_logs = True
    assert [path.relative_to(tmp_path) for path in (tmp_path / "plane").rglob("*")] == [
        Path("plane/logs"),
        Path("plane/logs/etcd.log"),
    ]
