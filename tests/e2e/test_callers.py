"""Who calls, on real pods: the kubelet's tokens and static keys, and what policies make of them."""

import json
from collections.abc import Callable

import pytest

from localkube import Tool
from tests.e2e.access import Access
from tests.e2e.callers import Caller
from tests.e2e.installation import Installation
from tests.e2e.waiting import comes_to, eventually

pytestmark = pytest.mark.e2e
SECONDS = 20.0
LAPTOP, CI = "sk-laptop-0123456789", "sk-ci-0123456789"
COMPLEX = "Prove that there are infinitely many primes, and discuss where the proof uses induction."


@pytest.fixture(scope="module")
def installed(installation: Installation) -> Installation:
    """It knows a static key, too."""
    installation.apply(_keys(laptop=LAPTOP, ci=CI))
    installation.install("callers.keysSecret=caller-keys")
    installation.apply_example()
    installation.wait_until_programmed()
    return installation


def _keys(**keys: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "caller-keys"}, "stringData": keys}


@pytest.fixture
def ask(installed: Installation, caller: Caller) -> Callable[..., int]:
    """Ask as the caller's pod, or with a key; how it was answered."""
    return lambda key=None: caller.ask(installed.url, key).status


def test_a_token_that_was_made_for_somebody_else_is_refused(
    access: Access, callers_namespace: str, ask: Callable[..., int]
) -> None:
    """The pod's own for Tierway is let in; one for the API server, or another audience, is not."""
    assert ask() == 200
    for audience in ([], ["--audience=vault"]):
        account = f"--namespace={callers_namespace}"
        assert ask(access.kubectl("create", "token", "default", account, *audience).strip()) == 401


def test_a_static_key_is_known_until_it_is_taken_out(installed: Installation, ask: Callable[..., int]) -> None:
    """Proxies watch the Secret."""
    assert [ask(LAPTOP), ask(CI), ask("sk-other-0123456789")] == [200, 200, 401]
    installed.kubectl("delete", "secret", "caller-keys", f"--namespace={installed.namespace}")
    installed.apply(_keys(ci=CI))
    comes_to(lambda: ask(LAPTOP), 401, SECONDS)
    comes_to(lambda: ask(CI), 200, SECONDS)


def test_a_policy_says_who_may_choose(installed: Installation, caller: Caller) -> None:
    """A static key may, the ServiceAccount may not: neither a model nor a class, since both cost money."""
    large = f"{installed.namespace}/large"
    for choice in ({"model": "large"}, {"X_Tierway_Class": "Complex"}):
        assert caller.ask(installed.url, **choice).tier == large
    installed.patch("routingpolicy", "default", {"spec": {"pins": {"callers": ["ci"]}}})
    eventually(lambda: caller.ask(installed.url, model="large").status == 403, SECONDS, "who is not named is refused")
    for choice in ({"model": "large"}, {"X_Tierway_Class": "Complex"}):
        assert caller.ask(installed.url, **choice).status == 403
        assert caller.ask(installed.url, CI, **choice).tier == large


def test_a_rule_knows_where_a_caller_is_from(installed: Installation, caller: Caller, callers_namespace: str) -> None:
    """A namespace is sent to a tier of its own; who is from nowhere is not."""
    small, large = (f"{installed.namespace}/{tier}" for tier in ("small", "large"))
    assert caller.ask(installed.url).tier == small
    rule = {"name": "guests", "match": {"namespaces": [callers_namespace]}, "use": {"tierRef": {"name": "large"}}}
    installed.patch("routingpolicy", "default", {"spec": {"rules": [rule]}})
    eventually(lambda: caller.ask(installed.url).tier == large, SECONDS, "the rule is in force")
    assert caller.ask(installed.url, CI).tier == small


def test_the_log_names_who_called_and_never_a_token(
    installed: Installation, caller: Caller, callers_namespace: str
) -> None:
    """On the line of each request."""
    caller.ask(installed.url, question=COMPLEX)
    lines = _logs(installed.kubectl, installed)
    assert f"{callers_namespace}/default" in {line.get("caller") for line in lines if line["message"] == "request"}
    text = json.dumps(lines)
    assert caller.token() not in text
    assert CI not in text


def _logs(kubectl: Tool, release: Installation) -> list[dict[str, object]]:
    text = ""
    for pod in release.pod_names("proxy"):
        text += kubectl("logs", pod, f"--namespace={release.namespace}")
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]
