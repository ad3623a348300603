"""Who is who in one control plane: its authorities, the files that its programs read, and our own ways in.

etcd trusts an authority of its own: a client of the API server is nobody there.
"""

from collections.abc import Sequence
from pathlib import Path

from localkube.access import LOOPBACK, Endpoint
from localkube.commands import SERVICE_ADDRESS
from localkube.pki import Authority, Identity, signing_key, write_private

SERVER_NAMES = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", LOOPBACK, SERVICE_ADDRESS)
ADMIN_GROUP = "system:masters"


class Credentials:
    """Makes them all in `folder`, which exists and is the owner's alone; `address` is the API server's."""

    def __init__(self, folder: Path, address: str = LOOPBACK) -> None:
        self._folder = folder
        self._address = address
        self._authority = Authority("localkube")
        etcd = Authority("localkube-etcd")
        (folder / "ca.crt").write_bytes(self.authority)
        (folder / "etcd-ca.crt").write_bytes(etcd.certificate)
        write_private(folder / "service-accounts.key", signing_key())
        self._authority.issue("kube-apiserver", hosts=list(dict.fromkeys([*SERVER_NAMES, address]))).write(
            folder, "apiserver"
        )
        self.user("admin", [ADMIN_GROUP]).write(folder, "admin")
        etcd.issue("etcd", hosts=["localhost", LOOPBACK]).write(folder, "etcd")
        etcd.issue("kube-apiserver").write(folder, "etcd-client")

    @property
    def authority(self) -> bytes:
        """The certificate, as PEM, that the API server's is signed by."""
        return self._authority.certificate

    def user(self, name: str, groups: Sequence[str] = ()) -> Identity:
        """Make a client of the API server."""
        return self._authority.issue(name, groups=groups)

    def server(self, name: str, hosts: Sequence[str], groups: Sequence[str] = ()) -> Identity:
        """Make a server that answers to `hosts`, and is a client of the API server at the same time."""
        return self._authority.issue(name, groups=groups, hosts=hosts)

    def api(self, port: int) -> Endpoint:
        """Return the API server, as its admin sees it."""
        return self._endpoint(self._address, port, "ca", "admin")

    def program(self, port: int) -> Endpoint:
        """Return one of the control plane's other programs, on loopback, as its admin sees it."""
        return self._endpoint(LOOPBACK, port, "ca", "admin")

    def etcd(self, port: int) -> Endpoint:
        """Return etcd, as the API server sees it."""
        return self._endpoint(LOOPBACK, port, "etcd-ca", "etcd-client")

    def _endpoint(self, address: str, port: int, authority: str, client: str) -> Endpoint:
        files = [self._folder / name for name in (f"{authority}.crt", f"{client}.crt", f"{client}.key")]
        return Endpoint.trusting(address, port, *files)
