# ruff: noqa: INP001 (a script of the chart, no package)
"""What `helm test` runs in a pod of the release's image: ask the Service by its name, without a token and with one.

One file and the standard library, since the pod has nothing else of the chart. It says in a sentence what it saw, and
ends with 1 when that is not what docs/callers.md says.
"""

import json
import os
import sys
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit


def main() -> None:
    """The environment has URL, AUTHENTICATION and, where that is Required, TOKEN_FILE."""
    url, token = os.environ["URL"], None
    if os.environ["AUTHENTICATION"] == "Required":
        status, body = asked(url, None)
        say(f"{url} without a token: {summary(status, body)}")
        if status != 401:
            fail("Expected 401: callers must prove who they are, and this one was not asked to.")
        token = Path(os.environ["TOKEN_FILE"]).read_text().strip()
    status, body = asked(url, token)
    say(f"{url} {'with the token of this pod' if token else 'from anybody'}: {summary(status, body)}")
    if status != 200 and code(body) != "default_policy_missing":
        fail("Expected 200, or 503 default_policy_missing while no policy serves /v1. See docs/troubleshooting.md.")


def asked(url: str, token: str | None) -> tuple[int, Any]:
    """Status and body. Right after an installation some tries may find no way to the pods yet."""
    patience = float(os.environ.get("PATIENCE_SECONDS", "60"))
    end = time.monotonic() + patience
    while True:
        try:
            return once(url, token)
        except (OSError, HTTPException) as error:
            if time.monotonic() >= end:
                fail(f"{url} does not answer: {error!r}. Are proxies ready? Does a NetworkPolicy keep this pod out?")
        time.sleep(0.5)


def once(url: str, token: str | None) -> tuple[int, Any]:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    try:
        connection.request("GET", parts.path, headers={"Authorization": f"Bearer {token}"} if token else {})
        answer = connection.getresponse()
        status, text = answer.status, answer.read()
    finally:
        connection.close()
    try:
        return status, json.loads(text)
    except ValueError:
        return status, None


def summary(status: int, body: Any) -> str:
    if status == 200 and isinstance(body, dict):
        return f"200, {len(body.get('data', ()))} models"
    return f"{status} {code(body)}".rstrip()


def code(body: Any) -> str:
    """Return that of an OpenAI-shaped error; of another body nothing."""
    error = body.get("error") if isinstance(body, dict) else None
    return str(error.get("code", "")) if isinstance(error, dict) else ""


def say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


def fail(why: str) -> NoReturn:
    say(why)
    sys.exit(1)


if __name__ == "__main__":
    main()
