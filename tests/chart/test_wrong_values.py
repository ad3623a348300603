"""A value that is misspelt or cannot be right is refused, and the message says where it stands."""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from localkube import CommandError
from tests.chart.rendered import CHART, Chart, settings
from tests.chart.test_lint import WHOLE

pytestmark = pytest.mark.kubernetes


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("replicas=3", "at '': additional properties 'replicas' not allowed"),
        ("proxy.replica=3", "at '/proxy': additional properties 'replica' not allowed"),
        ("proxy.autoscaling.max=3", "at '/proxy/autoscaling': additional properties 'max' not allowed"),
        ("networkPolicy.prometheus.port=1", "at '/networkPolicy/prometheus': additional properties 'port' not allowed"),
        ("monitoring.rules.labels.a=b", "at '/monitoring/rules': additional properties 'labels' not allowed"),
        ("proxy.replicas=two", "at '/proxy/replicas': got string, want integer"),
        ("proxy.replicas=-1", "at '/proxy/replicas'"),
        ("namespaces=llm", "at '/namespaces': got string, want array"),
        ("namespaces={UPPER}", "at '/namespaces/0'"),
        ("defaultPolicy=no-namespace", "at '/defaultPolicy'"),
        ("callers.authentication=Optional", "at '/callers/authentication': value must be one of 'Required', 'None'"),
        ("callers.authentication=null", "at '/callers': missing property 'authentication'"),
        ("crds.keep=null", "at '/crds': missing property 'keep'"),
        ("callers.audience=", "at '/callers/audience'"),
        ("image.digest=latest", "at '/image/digest'"),
        ("monitoring.podMonitor.enabled=maybe", "at '/monitoring/podMonitor/enabled'"),
        ("proxy.podDisruptionBudget.maxUnavailable=0", "at '/proxy/podDisruptionBudget/maxUnavailable'"),
        ("proxy.terminationGracePeriodSeconds=5", "at '/proxy/terminationGracePeriodSeconds'"),
        (r"proxy.podLabels.app\.kubernetes\.io/component=mine", "at '/proxy/podLabels/app.kubernetes.io~1component'"),
        ("proxy.recording.enabled=true", "at '/proxy/recording/policies'"),
        ("proxy.recording.policies={default}", "at '/proxy/recording/policies/0'"),
        ("proxy.recording.percent=0", "at '/proxy/recording/percent'"),
        ("proxy.recording.percent=0.0", "at '/proxy/recording/percent'"),
        ("proxy.recording.maxMebibytes=0", "at '/proxy/recording/maxMebibytes'"),
        ("service.type=ExternalName", "at '/service/type'"),
    ],
)
def test_the_schema_says_where_it_stands(chart: Chart, given: str, message: str) -> None:
    """Before anything is made."""
    with pytest.raises(CommandError) as refused:
        chart.rendered(*settings(given))
    assert message in refused.value.complaint


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_none_of_the_values_may_be_taken_away(chart: Chart, depth: int) -> None:
    """Helm drops what is null, as in `crds: {keep: }`; without it an uninstall would delete every object."""
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    paths = [path for path in _paths(defaults) if len(path) == depth]
    with pytest.raises(CommandError) as refused:
        chart.rendered(*settings(*(f"{'.'.join(path)}=null" for path in paths)))
    wanted = defaultdict(set)
    for *parents, name in paths:
        wanted["/" * bool(parents) + "/".join(parents)].add(name)
    found = re.findall(r"at '(.*?)': missing propert(?:y|ies) (.*)", refused.value.complaint)
    assert {place: set(re.findall("'(.+?)'", names)) for place, names in found} == wanted


def _paths(values: dict[str, Any], *parents: str) -> Iterator[tuple[str, ...]]:
    """Yield that of each value and each group of the chart's own."""
    for name, value in values.items():
        yield (*parents, name)
        if isinstance(value, dict) and name not in WHOLE:
            yield from _paths(value, *parents, name)


def test_keys_of_callers_that_nobody_asks_for_are_refused(chart: Chart) -> None:
    """Whoever gives keys believes that they are asked for."""
    with pytest.raises(CommandError, match="at '/callers/keysSecret'"):
        chart.rendered(*settings("callers.authentication=None", "callers.keysSecret=outside"))


def test_the_providers_keys_are_not_the_callers(chart: Chart) -> None:
    """Whoever has a provider's key could call with it; and the release's token would be a caller's."""
    with pytest.raises(CommandError, match="this Secret is the release's own"):
        chart.rendered(*settings("callers.keysSecret=tw-keys"))


def test_an_autoscaler_between_a_floor_and_a_lower_ceiling_is_refused(chart: Chart) -> None:
    """The API server would refuse it too, but in the middle of an installation."""
    with pytest.raises(CommandError, match="minReplicas is more than maxReplicas"):
        chart.rendered(*settings("proxy.autoscaling.enabled=true", "proxy.autoscaling.minReplicas=11"))


def test_an_older_kubernetes_is_refused(chart: Chart) -> None:
    """Before anything is made; and a vendor's build of the first one that will do is not."""
    with pytest.raises(CommandError, match=r"requires kubeVersion: >=1\.32\.0-0"):
        chart.rendered("--kube-version=1.31.9")
    chart.rendered("--kube-version=1.32.0-gke.100")
