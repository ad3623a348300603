"""What helm prints after an installation: the next three commands, and what should not be overlooked."""

import re

import pytest
import yaml

from tests.chart.rendered import CHART, Chart, settings, values

pytestmark = pytest.mark.kubernetes


def _commands(notes: str) -> list[str]:
    """Return what begins with two spaces and no more, as one line each."""
    joined = re.sub(r" \\\n +", " ", notes)
    return [line.strip() for line in joined.splitlines() if re.match(r"  \S", line)]


def test_the_next_commands_are_for_this_release(chart: Chart) -> None:
    """With its namespaces, its policy and its audience, to be pasted."""
    question = """-d '{"model": "auto", "messages": [{"role": "user", "content": "Say hello."}]}'"""
    token = '-H "Authorization: Bearer $(kubectl create token default -n tierway-system --audience=tierway)"'
    commands = _commands(chart.notes(values("one-namespace")))
    assert commands[:7] == [
        'kubectl create secret generic provider-keys -n llm --from-literal=api-key="$YOUR_KEY"',
        "kubectl label secret provider-keys -n llm tierway.dev/credential=true",
        'kubectl annotate secret provider-keys -n llm tierway.dev/hosts="$HOST_OF_THE_PROVIDER"',
        "kubectl apply -n llm -f tiers.yaml -f policy.yaml",
        "kubectl get modeltiers,routingpolicies -n llm",
        "kubectl port-forward -n tierway-system service/tw 8080:80 &",
        f"curl http://127.0.0.1:8080/v1/chat/completions -H 'Content-Type: application/json' {token} {question}",
    ]
    assert "http://tw.tierway-system.svc/v1   (policy llm/default)" in commands
    assert "helm test tw -n tierway-system" in commands


def test_without_a_default_policy_the_path_names_one(chart: Chart) -> None:
    """`/v1` would be answered by 503."""
    (asked,) = [each for each in _commands(chart.notes()) if each.startswith("curl")]
    assert "http://127.0.0.1:8080/tierway-system/default/v1/chat/completions" in asked


def test_that_authentication_is_off_is_said_aloud(chart: Chart) -> None:
    """And no token is asked for."""
    off, on = chart.notes(values("no-authentication")), chart.notes()
    assert "AUTHENTICATION IS OFF" in off
    assert "Bearer" not in off
    assert "AUTHENTICATION IS OFF" not in on


def test_that_the_default_image_is_not_published_is_said_until_another_is_set(chart: Chart) -> None:
    """Pods would wait for it, and say no more than ImagePullBackOff."""
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    (line,) = [each for each in chart.notes().splitlines() if defaults["image"]["repository"] in each]
    assert line.startswith("NO IMAGE IS PUBLISHED as ghcr.io/tierway/tierway:0.1.0: set image.repository and image.tag")
    assert "NO IMAGE" not in chart.notes(*settings("image.repository=registry.example.com/tierway"))


def test_that_no_secret_is_readable_is_said_aloud(chart: Chart) -> None:
    """The default serves every namespace, and may read the keys of none."""
    assert "NO SECRET IS READABLE" in chart.notes()
    assert "NO SECRET IS READABLE" not in chart.notes(*settings("credentialNamespaces={keys}"))


def test_how_to_install_a_second_release_is_said_by_the_first(chart: Chart) -> None:
    """Helm would refuse to install the kinds twice."""
    assert "--set crds.enabled=false" in chart.notes()
    assert "--set crds.enabled=false" not in chart.notes(values("second-release"))
