"""The command lines: what each program of the control plane is told, and why."""

from dataclasses import dataclass
from pathlib import Path

from localkube.access import LOOPBACK

SERVICE_RANGE = "10.96.0.0/16"
SERVICE_ADDRESS = "10.96.0.1"
# Nobody is reached there. Without it the API server looks for a default route, and does not start where there is none;
# loopback it refuses.
ADVERTISED = "192.0.2.1"
ISSUER = "https://kubernetes.default.svc"

Command = tuple[str, ...]


@dataclass(frozen=True)
class Site:
    """Where the API server listens, what it calls itself to pods, and whether a node is to join it."""

    address: str = LOOPBACK
    advertised: str = ADVERTISED
    has_node: bool = False


ALONE = Site()


def etcd(program: Path, data: Path, pki: Path, port: int, peer_port: int) -> Command:
    """Return etcd's. Any user of the machine reaches its port: it wants a certificate. It never waits for the disk."""
    client = f"https://{LOOPBACK}:{port}"
    return (
        str(program),
        "--unsafe-no-fsync",
        f"--data-dir={data}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls=http://{LOOPBACK}:{peer_port}",
        "--client-cert-auth",
        f"--trusted-ca-file={pki / 'etcd-ca.crt'}",
        f"--cert-file={pki / 'etcd.crt'}",
        f"--key-file={pki / 'etcd.key'}",
        "--log-level=warn",
    )


def kube_apiserver(program: Path, pki: Path, port: int, etcd_port: int, site: Site = ALONE) -> Command:
    """Return the API server's, which on its port knows clients by certificate and by ServiceAccount token."""
    return (
        str(program),
        f"--etcd-servers=https://{LOOPBACK}:{etcd_port}",
        f"--etcd-cafile={pki / 'etcd-ca.crt'}",
        f"--etcd-certfile={pki / 'etcd-client.crt'}",
        f"--etcd-keyfile={pki / 'etcd-client.key'}",
        f"--bind-address={site.address}",
        f"--secure-port={port}",
        f"--advertise-address={site.advertised}",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        f"--tls-cert-file={pki / 'apiserver.crt'}",
        f"--tls-private-key-file={pki / 'apiserver.key'}",
        f"--client-ca-file={pki / 'ca.crt'}",
        f"--authorization-mode={'Node,' if site.has_node else ''}RBAC",
        f"--service-account-issuer={ISSUER}",
        f"--service-account-key-file={pki / 'service-accounts.key'}",
        f"--service-account-signing-key-file={pki / 'service-accounts.key'}",
        *(_for_a_node(pki) if site.has_node else ()),
    )


def kube_controller_manager(program: Path, pki: Path, kubeconfig: Path, site: Site = ALONE) -> Command:
    """Return the controllers'. They serve no port; each has a ServiceAccount of its own, as in any cluster."""
    return (
        str(program),
        f"--kubeconfig={kubeconfig}",
        f"--service-account-private-key-file={pki / 'service-accounts.key'}",
        f"--root-ca-file={pki / 'ca.crt'}",
        "--use-service-account-credentials",
        "--leader-elect=false",
        "--secure-port=0",
        # forty controllers each ask for a token before they start: at the default of 20 calls a second they take five
        "--kube-api-qps=500",
        "--kube-api-burst=1000",
        # after minutes without an API server the only node must not be taken for dead, nor its pods for unready,
        # before its kubelet had the time to say that it lives
        *(("--node-monitor-grace-period=10m",) if site.has_node else ()),
    )


def kube_scheduler(program: Path, pki: Path, kubeconfig: Path, port: int) -> Command:
    """Return the scheduler's, whose port on loopback tells whether it is ready."""
    return (
        str(program),
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        "--leader-elect=false",
        f"--bind-address={LOOPBACK}",
        f"--secure-port={port}",
        f"--tls-cert-file={pki / 'scheduler.crt'}",
        f"--tls-private-key-file={pki / 'scheduler.key'}",
    )


def _for_a_node(pki: Path) -> Command:
    """Return how the API server works with a kubelet: a token lets a node see what concerns its pods, and no more."""
    return (
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged",
        "--kubelet-preferred-address-types=InternalIP",
        f"--kubelet-certificate-authority={pki / 'ca.crt'}",
        f"--kubelet-client-certificate={pki / 'admin.crt'}",
        f"--kubelet-client-key={pki / 'admin.key'}",
    )
