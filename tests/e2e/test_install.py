"""From `helm install` to the first answers, as a user goes: every pod keeps the restricted standard."""

import json

import pytest

from localkube import CommandError
from tests.e2e.access import Access
from tests.e2e.accounts import wait_for_a_day_with_room
from tests.e2e.installation import FIGURES_SECONDS, Installation
from tests.e2e.load import Load, lost
from tests.e2e.waiting import comes_to, eventually

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def installed(installation: Installation) -> Installation:
    """`helm install --wait` has returned; no policy exists."""
    wait_for_a_day_with_room()
    installation.install()
    return installation


def test_an_installation_is_ready_before_any_policy_exists(installed: Installation) -> None:
    """`--wait` has ended, so all were ready; the Service says what is missing."""
    assert installed.get("routingpolicies", "--ignore-not-found") == ""
    for component, count in (("operator", 1), ("proxy", 2)):
        pods = installed.pods(component)
        assert len(pods) == count
        assert all(status["ready"] for pod in pods for status in pod["status"]["containerStatuses"])


@pytest.fixture
def used(installed: Installation) -> Installation:
    installed.apply_example()
    installed.wait_until_programmed()
    return installed


def test_the_status_shows_what_the_callers_did(used: Installation, load: Load) -> None:
    """All of it, to the request; and `kubectl get modeltiers` in words for people."""
    load.go_on(40)
    answers = load.stop()
    assert lost(answers) == []
    assert {each.retries for each in answers} == {0}
    comes_to(used.requests, len(answers), FIGURES_SECONDS)
    assert used.conditions() == dict.fromkeys(("Ready", "Accepted", "ResolvedRefs", "Programmed"), "True")
    header, *rows = (line.split() for line in used.get("modeltiers").splitlines())
    assert header == ["NAME", "MODELS", "TTFT-P95", "LIMIT", "TOK/S", "ERRORS", "COST-TODAY", "READY", "AGE"]
    for name, models, ttft, limit, speed, errors, cost, ready, _ in rows:
        assert (models, errors, ready) == ({"small": "2/2", "large": "1/1"}[name], "0%", "True")
        assert ttft.endswith("ms")
        assert limit == {"small": "500ms", "large": "1500ms"}[name]
        assert int(speed) > 0
        assert float(cost) > 0


def test_helm_test_passes(used: Installation) -> None:
    """What the chart brings to be asked of a running release."""
    said = used.helm("test", used.name, f"--namespace={used.namespace}", "--logs")
    assert "Phase:          Succeeded" in said, said


def test_who_calls_without_a_token_is_told_how_to_get_one(used: Installation, access: Access, load: Load) -> None:
    """With the namespace's plain SDK, from a pod: 401, and what to do."""
    script = f"import openai; openai.OpenAI(base_url={used.url!r}, api_key='none').models.list()"
    with pytest.raises(CommandError, match=r"AuthenticationError: Error code: 401.*audience") as refused:
        access.kubectl("exec", load.name, *load.here, "--", "python", "-c", script)
    assert "tierway" in str(refused.value)


def test_no_pod_is_other_than_restricted(used: Installation) -> None:
    """The namespace would refuse them; what it would refuse at a stricter look is not there, either."""
    for pod in (*used.pods("operator"), *used.pods("proxy")):
        for container in pod["spec"]["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert "limits" in container["resources"]
        assert pod["spec"]["automountServiceAccountToken"] is False


def test_values_that_are_wrong_get_the_schemas_message(installation: Installation) -> None:
    """Before anything is created."""
    for value, message in (
        ("proxy.replicas=-1", "/proxy/replicas"),
        ("proxy.replica=2", "additional properties 'replica'"),
    ):
        with pytest.raises(CommandError, match=message):
            installation.upgrade(value, options=["--dry-run=server"])


def test_the_kinds_explain_themselves(installed: Installation) -> None:
    """They came with the chart."""
    said = installed.kubectl("explain", "routingpolicy.spec.routes")
    assert "DESCRIPTION" in said
    crds = json.loads(installed.kubectl("get", "crds", "modeltiers.tierway.dev", "--output=json"))
    eventually(lambda: crds["status"]["conditions"], 1, "it is established")
