"""A real Kubernetes on this machine, for tests and for the demo: a control plane, or a cluster with a node.

`ControlPlane` is etcd, kube-apiserver and kube-controller-manager with TLS, RBAC, TokenRequest and TokenReview, on
loopback, for any user; no node: pods stay Pending. `Cluster` adds a node (Linux, root, some packages): pods run, with
Services and DNS. They refuse to be more than that: nothing outlives its directory, no data is kept for another day.

    from localkube import ControlPlane

    with ControlPlane.started() as plane:           # returns when ready: seconds, minutes when it builds first
        plane.kubectl("apply", "-f", "deploy/crds")             # what kubectl printed; CommandError with its complaint
        plane.helm("install", "tierway", "deploy/helm/tierway")                         # built at the first use
        plane.kubeconfig                                                                # Path: admin
        plane.service_account_kubeconfig("tierway", "proxy")                            # Path: by TokenRequest
        plane.user_kubeconfig("jane", groups=["dev"])                                   # Path: by client certificate
        plane.kubectl.using(plane.user_kubeconfig("jane"))("get", "modeltiers")         # as somebody else
        plane.token("tierway", "proxy", audiences=["tierway.dev"])                      # str
        plane.server, plane.authority               # URL of the API server, Path of the certificate it is signed by
        plane.kill("kube-apiserver")                # kill -9; the others run on
        plane.start_again("kube-apiserver")         # same port, same data; returns when ready

    with Cluster.started(images=[Path("pause.tar")]) as cluster:    # an OCI archive with localhost/pause:1; 6 seconds
        cluster.load(Path("image.tar"))             # more of them, for pods with imagePullPolicy: Never
        cluster.processes(pod_uid)                  # {1234: "python -m …"}: numbers that this machine kills by
        cluster.kill("kubelet")                     # as above
        cluster.machine_address                     # where pods reach what listens on this machine
        cluster.node_address                        # the node's; this machine reaches pods' addresses, too

Leaving the block ends every program, newest first, and removes the directory. A block or a start that fails leaves the
logs, and the exception says where; StartError shows the end of the log that matters. UnavailableError is raised when no
control plane can be had on this machine, with the reason.

`kubectl(kubeconfig)` and `helm(kubeconfig)` give the same two commands for a cluster that the user has; `binaries()`
finds or builds the three programs. All of it blocks: an asynchronous caller uses `asyncio.to_thread`.

    python -m localkube build           # build what is missing
    python -m localkube up [DIR]        # run one until Ctrl-C; --node makes it a cluster
    python -m localkube kubectl         # print the path of kubectl
    python -m localkube helm            # print the path of helm, built when missing
"""

from localkube.binaries import Binaries, binaries
from localkube.cluster import Cluster
from localkube.errors import CommandError, StartError, UnavailableError
from localkube.plane import ControlPlane
from localkube.tools import Tool, helm, kubectl

__all__ = [
    "Binaries",
    "Cluster",
    "CommandError",
    "ControlPlane",
    "StartError",
    "Tool",
    "UnavailableError",
    "binaries",
    "helm",
    "kubectl",
]
