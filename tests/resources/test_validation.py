"""What a folder refuses and accepts. `tests/kubernetes/test_crds.py` asks a real API server the same."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.resources.bad import Bad
from tests.resources.bad_objects import REFUSED, UNKNOWN_FIELDS
from tests.resources.documents import policy, tier
from tests.resources.good_objects import ACCEPTED
from tierway_operator.crds import committed_crds
from tierway_operator.resources import ModelTier, RoutingPolicy
from tierway_operator.resources.schema import VALIDATIONS
from tierway_operator.validation import Accepted, Refused, Validator

VALIDATOR = Validator(committed_crds())
EXAMPLES = Path(__file__).parents[2] / "examples" / "quickstart"
MODELS = {"ModelTier": ModelTier, "RoutingPolicy": RoutingPolicy}


def _accepted(document: dict[str, Any], unknown: Any = "Refuse") -> Any:
    verdict = VALIDATOR.validate(document, unknown)
    assert isinstance(verdict, Accepted), verdict
    return verdict.object


@pytest.mark.parametrize("bad", [*REFUSED, *UNKNOWN_FIELDS], ids=lambda bad: bad.what)
def test_a_bad_object_is_refused_with_its_field_and_the_reason(bad: Bad) -> None:
    """Each refusal says where and why."""
    verdict = VALIDATOR.validate(bad.document)

    assert isinstance(verdict, Refused)
    assert any(each.field == bad.field and bad.reason in each.message for each in verdict.refusals), verdict


def test_every_rule_refuses_something_here() -> None:
    """A rule that no bad object breaks could be wrong, or gone, unseen."""
    verdicts = [VALIDATOR.validate(bad.document) for bad in REFUSED if bad.rule]
    broken = {each.message for verdict in verdicts if isinstance(verdict, Refused) for each in verdict.refusals}

    assert {rule["message"] for crd in committed_crds() for rule in _rules(crd)} <= broken


def _rules(part: Any) -> Iterator[dict[str, str]]:
    yield from part.get(VALIDATIONS, ()) if isinstance(part, dict) else ()
    for below in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from _rules(below)


@pytest.mark.parametrize("document", ACCEPTED.values(), ids=ACCEPTED)
def test_a_good_object_is_accepted_and_the_models_can_read_it(document: dict[str, Any]) -> None:
    """What passes the committed schema is never refused by the models that were its source."""
    stored = _accepted(document)

    assert MODELS[stored["kind"]].model_validate({**stored, "metadata": {"namespace": "llm", **stored["metadata"]}})


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.yaml")), ids=lambda file: file.name)
def test_the_quickstart_is_valid(file: Path) -> None:
    """Every document of ours in the examples passes; others there are plain Kubernetes."""
    document = yaml.safe_load(file.read_text(encoding="utf-8"))

    if document["kind"] in MODELS:
        _accepted(document)
    else:
        assert document["apiVersion"] == "v1"


def test_all_faults_are_told_at_once() -> None:
    """Nobody has to apply five times to see five mistakes."""
    document = tier({"spec.models[0].state": "Off", "spec.models[0].price": {}, "spec.providers": []})

    verdict = VALIDATOR.validate(document)

    assert isinstance(verdict, Refused)
    assert [each.field for each in verdict.refusals] == [
        "spec.models[0].price.inputPerMillionTokens",
        "spec.models[0].price.outputPerMillionTokens",
        "spec.models[0].state",
        "spec.providers",
    ]


def test_rules_are_asked_beside_a_pattern_but_not_beside_a_wrong_type() -> None:
    """A wrong pattern leaves values of the right type for the rules, a wrong type does not; so says the API server."""
    auto = {"spec.models[0].name": "auto"}

    beside_pattern = VALIDATOR.validate(tier({**auto, "spec.providers[0].name": "US"}))
    beside_type = VALIDATOR.validate(tier({**auto, "spec.providers[0].name": 5}))

    assert isinstance(beside_pattern, Refused)
    assert isinstance(beside_type, Refused)
    assert [each.field for each in beside_pattern.refusals] == ["spec.models[0].name", "spec.providers[0].name"]
    assert [each.field for each in beside_type.refusals] == ["spec.providers[0].name"]


def test_unknown_fields_are_refused_before_anything_else_or_pruned() -> None:
    """Strict decoding, as kubectl asks for it, speaks first; a client that does not ask for it loses the fields."""
    document = tier({"spec.tier": 1, "metadata.nam": "x"})

    verdict = VALIDATOR.validate(tier({"spec.tier": 1, "spec.models": []}))

    assert isinstance(verdict, Refused)
    assert [str(each) for each in verdict.refusals] == ['unknown field "spec.tier"']
    assert _accepted(document, "Prune") == tier()


def test_defaults_are_filled_where_their_parent_stands_and_nowhere_else() -> None:
    """A default completes what a user began; it does not begin anything."""
    begun = _accepted(tier({"spec.allowedPolicies": {}}))
    match = _accepted(policy({"spec.rules[0].match": {"headers": [{"name": "a", "value": "b"}]}}))

    assert begun["spec"]["allowedPolicies"] == {"from": "Same"}
    assert match["spec"]["rules"][0]["match"]["headers"][0]["type"] == "Exact"
    assert _accepted(tier()) == tier()
    assert _accepted(policy()) == policy()


def test_nulls_and_status_are_not_stored() -> None:
    """An empty field in YAML is an absent one, and a user's status is dropped."""
    document = tier({"spec.models[0].limits": None, "spec.allowedPolicies": {"from": None}, "status": {"models": []}})

    assert _accepted(document) == tier({"spec.allowedPolicies": {"from": "Same"}})


def test_a_number_with_an_empty_fraction_is_stored_as_a_whole_one() -> None:
    """JSON knows one sort of number; CEL and the models compare whole ones."""
    stored = _accepted(tier({"spec.models[0].contextWindowTokens": 4096.0, "spec.models[0].maxOutputTokens": 1024}))

    assert type(stored["spec"]["models"][0]["contextWindowTokens"]) is int


def test_a_document_is_not_changed_by_being_validated() -> None:
    """The caller may write the text back, or show it."""
    document = tier({"spec.allowedPolicies": {}, "spec.models[0].limits": None})
    before = yaml.safe_dump(document)

    _accepted(document)

    assert yaml.safe_dump(document) == before


@pytest.mark.parametrize(("api_version", "kind"), [("v1", "Secret"), ("tierway.dev/v1", "ModelTier"), (None, None)])
def test_a_kind_that_is_not_ours_is_refused_with_those_that_are(api_version: str | None, kind: str | None) -> None:
    """A slip in apiVersion must not make a tier vanish without a word."""
    verdict = VALIDATOR.validate({"apiVersion": api_version, "kind": kind})

    assert isinstance(verdict, Refused)
    assert verdict.refusals[0].field == "kind"
    assert "ModelTier of tierway.dev/v1alpha1, RoutingPolicy of tierway.dev/v1alpha1" in verdict.refusals[0].message


def test_a_forgotten_dash_is_called_by_its_name() -> None:
    """The API server says only that `spec.models.name` is unknown; that sentence has cost people hours."""
    verdict = VALIDATOR.validate(tier({"spec.models": {"name": "m1"}}))

    assert isinstance(verdict, Refused)
    assert str(verdict.refusals[0]) == "spec.models: must be a list, not {'name': 'm1'}"


def test_labels_are_text() -> None:
    """`tierway.dev/x: true` without quotes is no label."""
    verdict = VALIDATOR.validate(tier({"metadata.labels": {"a": 1}}))

    assert isinstance(verdict, Refused)
    assert str(verdict.refusals[0]) == 'metadata.labels.a: must be a string, not 1: put it in quotes, "1"'
