"""What the node's programs read: each file's content, as a value. JSON is YAML."""

import ipaddress
import json
from pathlib import Path
from typing import Any

from localkube.wire import Wire

NAME = "node-1"
SANDBOX_IMAGE = "localhost/pause:1"
SOCKET = "/run/containerd/containerd.sock"
DOMAIN = "cluster.local"
DNS_ADDRESS = "10.96.0.10"
KUBELET_HEALTH, KUBE_PROXY_HEALTH, COREDNS_HEALTH = 10248, 10256, 8181


def containerd(cni: Path, plugins: Path) -> str:
    """Only what differs from its defaults."""
    return f"""\
version = 3
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.nri.v1.nri"]
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "{SANDBOX_IMAGE}"
[plugins."io.containerd.cri.v1.runtime"]
  disable_apparmor = true
  # a machine may withhold the capability to lower it
  restrict_oom_score_adj = true
[plugins."io.containerd.cri.v1.runtime".cni]
  bin_dirs = ["{plugins}"]
  conf_dir = "{cni}"
"""


def network(pods: ipaddress.IPv4Network) -> str:
    """Each pod has a link of its own to the node, so that a Service's packets pass the node's rules both ways.

    On a bridge the answers would go straight from pod to pod, unless the kernel filters bridges too.
    """
    addresses = {
        "type": "host-local",
        "ranges": [[{"subnet": str(pods)}]],
        "routes": [{"dst": "0.0.0.0/0"}],
        "dataDir": "/run/addresses",
    }
    plugins = [
        {"type": "ptp", "ipMasq": True, "ipam": addresses},
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ]
    return json.dumps({"cniVersion": "1.0.0", "name": "pods", "plugins": plugins})


def kubelet(pki: Path, pod_logs: Path, wire: Wire, cgroup: str) -> str:
    """Its door is open to whom the API server knows and allows."""
    return _configuration(
        "kubelet.config.k8s.io/v1beta1",
        "KubeletConfiguration",
        address=wire.node,
        healthzBindAddress=wire.node,
        healthzPort=KUBELET_HEALTH,
        authentication={
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(pki / "ca.crt")},
        },
        authorization={"mode": "Webhook"},
        tlsCertFile=str(pki / "kubelet.crt"),
        tlsPrivateKeyFile=str(pki / "kubelet.key"),
        containerRuntimeEndpoint=f"unix://{SOCKET}",
        cgroupDriver="cgroupfs",
        cgroupRoot=f"/{cgroup}",
        failCgroupV1=False,
        failSwapOn=False,
        enforceNodeAllocatable=[],
        clusterDomain=DOMAIN,
        clusterDNS=[DNS_ADDRESS],
        resolvConf="",
        podLogsDir=str(pod_logs),
        # the machine's other work is no reason to evict pods
        evictionHard={"imagefs.available": "1%", "nodefs.available": "1%", "memory.available": "50Mi"},
        imageGCHighThresholdPercent=100,
    )


def kube_proxy(kubeconfig: Path, wire: Wire) -> str:
    """It leaves alone what the kernel counts for the whole machine."""
    return _configuration(
        "kubeproxy.config.k8s.io/v1alpha1",
        "KubeProxyConfiguration",
        mode="iptables",
        nodePortAddresses=["primary"],
        clusterCIDR=str(wire.pods),
        clientConnection={"kubeconfig": str(kubeconfig)},
        healthzBindAddress=f"{wire.node}:{KUBE_PROXY_HEALTH}",
        conntrack={"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    )


def coredns(kubeconfig: Path, wire: Wire) -> str:
    """The cluster's names; all others are said not to exist, since pods reach nothing else."""
    return f"""\
{DOMAIN}:53 in-addr.arpa:53 {{
  bind {wire.node}
  errors
  ready {wire.node}:{COREDNS_HEALTH}
  kubernetes {DOMAIN} in-addr.arpa {{
    kubeconfig {kubeconfig} local
  }}
  cache 5
}}
.:53 {{
  bind {wire.node}
  template IN ANY . {{
    rcode NXDOMAIN
  }}
}}
"""


def dns_objects(wire: Wire) -> list[tuple[str, dict[str, Any]]]:
    """Return the objects that lead pods to it: their collections' paths, and themselves."""
    ports = [{"name": name, "port": 53, "protocol": protocol} for name, protocol in (("dns", "UDP"), ("tcp", "TCP"))]
    labels = {"kubernetes.io/service-name": "kube-dns"}
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "kube-dns"},
        "spec": {"clusterIP": DNS_ADDRESS, "ports": ports},
    }
    endpoint_slice = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "kube-dns-node", "labels": labels},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [wire.node], "conditions": {"ready": True}}],
        "ports": ports,
    }
    return [
        ("/api/v1/namespaces/kube-system/services", service),
        ("/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices", endpoint_slice),
    ]


def _configuration(version: str, kind: str, **fields: Any) -> str:
    return json.dumps({"apiVersion": version, "kind": kind, **fields}, indent=2)
