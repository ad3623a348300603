"""What a ServiceAccount's token may do, asked with the token that its pod really has."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from localkube import Tool
from tests.e2e.installation import Installation

TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"
Right = tuple[str, str, str]
"""Verb, resource with its group, and the one name that it is narrowed to or "*"."""


def as_pod(release: Installation, component: str, folder: Path) -> Tool:
    """Return kubectl as the first pod of the operator or the proxies."""
    pod = min(release.pod_names(component))
    token = release.kubectl("exec", f"--namespace={release.namespace}", pod, "--", "cat", TOKEN)
    return _with_token(release.kubectl, token, folder / f"{component}.kubeconfig")


def rights(kubectl: Tool, namespace: str) -> set[Right]:
    """Return all that a token may do in a namespace."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    # kubectl would look at the kinds of the cluster first, which this token may not
    options = "--validate=false", "--filename=-", "--output=json"
    answer = json.loads(kubectl("create", *options, stdin=json.dumps(review)))
    assert answer["status"]["incomplete"] is False
    return {right for rule in answer["status"]["resourceRules"] for right in _each(rule)}


def everybodys_rights(kubectl: Tool, folder: Path) -> set[Right]:
    """Return what any ServiceAccount may do anywhere, as Kubernetes comes."""
    token = kubectl("create", "token", "default", "--namespace=kube-public").strip()
    return rights(_with_token(kubectl, token, folder / "anybody.kubeconfig"), "kube-public")


def _with_token(kubectl: Tool, token: str, file: Path) -> Tool:
    config = yaml.safe_load(kubectl.kubeconfig.read_text())
    config["users"] = [{**user, "user": {"token": token}} for user in config["users"]]
    file.write_text(json.dumps(config))
    return kubectl.using(file)


def _each(rule: dict[str, Any]) -> Iterator[Right]:
    for verb in rule["verbs"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for name in rule.get("resourceNames") or ["*"]:
                    kind, slash, part = resource.partition("/")
                    yield verb, f"{kind}.{group}{slash}{part}" if group else resource, name


def table(text: str) -> set[Right]:
    """Read a table of rights: a line has verbs, a resource and perhaps a name, as in `get,list secrets NAME`."""
    found = set()
    for line in filter(None, text.splitlines()):
        verbs, resource, *name = line.split()
        found |= {(verb, resource, name[0] if name else "*") for verb in verbs.split(",")}
    return found
