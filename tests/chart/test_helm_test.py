"""What the pod of `helm test` says of each answer that it may get; the server is a real one, on loopback."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.chart.rendered import CHART

SCRIPT = (CHART / "files/check.py").read_text()
UNKNOWN = 401, '{"error": {"code": "invalid_api_key"}}'
NO_POLICY = 503, '{"error": {"code": "default_policy_missing"}}'
MODELS = 200, '{"object": "list", "data": [{"id": "auto"}, {"id": "small"}]}'
NOBODY_TO_ASK = 503, '{"error": {"code": "authentication_unavailable"}}'


@contextmanager
def answering(without: tuple[int, str], with_token: tuple[int, str]) -> Iterator[str]:
    """A Service that gives these two answers; yields its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.headers.get("Authorization") == "Bearer of-this-pod"
            status, text = with_token if known else without
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1/models"
        finally:
            server.shutdown()
            thread.join()


def run(url: str, authentication: str, folder: Path) -> tuple[int, str]:
    """Run it as its pod does."""
    token = folder / "token"
    token.write_text("of-this-pod\n")
    told = {"URL": url, "AUTHENTICATION": authentication, "TOKEN_FILE": str(token), "PATIENCE_SECONDS": "0"}
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, env={**os.environ, **told}, capture_output=True, text=True, check=False, timeout=30)
    assert done.stderr == ""
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("authentication", "without", "with_token", "code", "said"),
    [
        ("Required", UNKNOWN, MODELS, 0, "with the token of this pod: 200, 2 models"),
        ("Required", UNKNOWN, NO_POLICY, 0, "with the token of this pod: 503 default_policy_missing"),
        ("Required", MODELS, MODELS, 1, "was not asked to"),
        ("Required", UNKNOWN, UNKNOWN, 1, "with the token of this pod: 401 invalid_api_key"),
        ("Required", UNKNOWN, NOBODY_TO_ASK, 1, "503 authentication_unavailable"),
        ("Required", UNKNOWN, (502, "<html>"), 1, "Expected 200"),
        ("None", MODELS, UNKNOWN, 0, "from anybody: 200, 2 models"),
        ("None", NO_POLICY, UNKNOWN, 0, "from anybody: 503 default_policy_missing"),
        ("None", UNKNOWN, MODELS, 1, "Expected 200"),
    ],
)
def test_it_passes_when_callers_are_told_apart_and_answered(
    tmp_path: Path,
    authentication: str,
    without: tuple[int, str],
    with_token: tuple[int, str],
    code: int,
    said: str,
) -> None:
    """A release without a policy yet is a good one."""
    with answering(without, with_token) as url:
        found, text = run(url, authentication, tmp_path)
    assert (found, said in text) == (code, True), text


def test_a_service_that_nobody_answers_for_fails_in_a_sentence(tmp_path: Path) -> None:
    """It asks the two questions that help."""
    with answering(MODELS, MODELS) as url:
        pass
    code, text = run(url, "None", tmp_path)
    assert code == 1
    assert "does not answer" in text
    assert "NetworkPolicy" in text
