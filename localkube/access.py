"""Ways into the control plane: kubeconfigs, and the few calls that are made before any client library is at hand."""

import base64
import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localkube.pki import Identity, write_private

LOOPBACK = "127.0.0.1"
CALL_SECONDS = 5.0


@dataclass(frozen=True)
class Endpoint:
    """A TLS server that knows us by certificate."""

    port: int
    context: ssl.SSLContext
    address: str = LOOPBACK

    @classmethod
    def trusting(cls, address: str, port: int, authority: Path, certificate: Path, key: Path) -> "Endpoint":
        context = ssl.create_default_context(cafile=str(authority))
        context.load_cert_chain(certificate, key)
        return cls(port, context, address)

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Call with JSON both ways; returns the status and the answer (parsed where it is JSON). Raises OSError."""
        connection = http.client.HTTPSConnection(self.address, self.port, timeout=CALL_SECONDS, context=self.context)
        try:
            payload = None if body is None else json.dumps(body)
            connection.request(method, path, payload, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
        except http.client.HTTPException as error:
            raise ConnectionError(f"{method} {path}: {error!r}") from error
        finally:
            connection.close()
        is_json = "json" in (answer.getheader("Content-Type") or "")
        return answer.status, json.loads(text) if is_json else text.decode(errors="replace")

    def answers(self, path: str) -> bool:
        """Whether a GET there is answered with 200 right now."""
        try:
            return self.call("GET", path)[0] == http.HTTPStatus.OK
        except OSError:
            return False


def answers(address: str, port: int, path: str) -> bool:
    """Whether a GET without TLS is answered with 200 right now."""
    connection = http.client.HTTPConnection(address, port, timeout=CALL_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def write_kubeconfig(path: Path, server: str, authority: bytes, user: Mapping[str, str]) -> Path:
    """Write a kubeconfig that needs no other file; `user` is its user entry. JSON is YAML."""
    cluster = {"server": server, "certificate-authority-data": _encoded(authority)}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "local", "cluster": cluster}],
        "users": [{"name": "local", "user": dict(user)}],
        "contexts": [{"name": "local", "context": {"cluster": "local", "user": "local"}}],
        "current-context": "local",
    }
    write_private(path, json.dumps(config, indent=2).encode())
    return path


def by_certificate(identity: Identity) -> dict[str, str]:
    """Return the user entry of a kubeconfig that proves itself by certificate."""
    return {
        "client-certificate-data": _encoded(identity.certificate),
        "client-key-data": _encoded(identity.key),
    }


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()
