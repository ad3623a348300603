"""The command lines: what each of the three programs is told, and why."""

from pathlib import Path

from localkube.access import ADDRESS

SERVICE_RANGE = "10.96.0.0/16"
SERVICE_ADDRESS = "10.96.0.1"
# Nobody is reached there. Without it the API server looks for a default route, and does not start where there is none;
# loopback it refuses.
ADVERTISED = "192.0.2.1"
ISSUER = "https://kubernetes.default.svc"

Command = tuple[str, ...]


def etcd(program: Path, data: Path, pki: Path, port: int, peer_port: int) -> Command:
    """Return etcd's. Any user of the machine reaches its port: it wants a certificate. It never waits for the disk."""
    client = f"https://{ADDRESS}:{port}"
    return (
        str(program),
        "--unsafe-no-fsync",
        f"--data-dir={data}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls=http://{ADDRESS}:{peer_port}",
        "--client-cert-auth",
        f"--trusted-ca-file={pki / 'etcd-ca.crt'}",
        f"--cert-file={pki / 'etcd.crt'}",
        f"--key-file={pki / 'etcd.key'}",
        "--log-level=warn",
    )


def kube_apiserver(program: Path, pki: Path, port: int, etcd_port: int) -> Command:
    """Return the API server's, which on its port knows clients by certificate and by ServiceAccount token."""
    return (
        str(program),
        f"--etcd-servers=https://{ADDRESS}:{etcd_port}",
        f"--etcd-cafile={pki / 'etcd-ca.crt'}",
        f"--etcd-certfile={pki / 'etcd-client.crt'}",
        f"--etcd-keyfile={pki / 'etcd-client.key'}",
        f"--bind-address={ADDRESS}",
        f"--secure-port={port}",
        f"--advertise-address={ADVERTISED}",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        f"--tls-cert-file={pki / 'apiserver.crt'}",
        f"--tls-private-key-file={pki / 'apiserver.key'}",
        f"--client-ca-file={pki / 'ca.crt'}",
        "--authorization-mode=RBAC",
        f"--service-account-issuer={ISSUER}",
        f"--service-account-key-file={pki / 'service-accounts.key'}",
        f"--service-account-signing-key-file={pki / 'service-accounts.key'}",
    )


def kube_controller_manager(program: Path, pki: Path, kubeconfig: Path) -> Command:
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
    )
