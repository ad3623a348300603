"""The committed CustomResourceDefinitions: generated from the models, complete, and bounded."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.resources.full_objects import FULL_POLICY, FULL_TIER
from tierway_operator.crds import committed_crds, generated_crds, main, structural
from tierway_operator.resources import ModelTier, RoutingPolicy, defaults
from tierway_operator.resources.common import PATTERNS_IN_WORDS

COMMITTED = Path(__file__).parents[2] / "deploy" / "crds"
CRDS = {crd["spec"]["names"]["kind"]: crd for crd in committed_crds()}
ROOTS = {kind: crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"] for kind, crd in CRDS.items()}


def _fields(schema: Mapping[str, Any], path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, part in schema.get("properties", {}).items():
        yield f"{path}.{name}", part
        yield from _fields(part, f"{path}.{name}")
    if "items" in schema:
        yield f"{path}[]", schema["items"]
        yield from _fields(schema["items"], f"{path}[]")


ALL = {
    path: part
    for kind, root in ROOTS.items()
    for half in ("spec", "status")
    for path, part in _fields(root["properties"][half], f"{kind}.{half}")
}
SPECS = {path: part for path, part in ALL.items() if ".status" not in path}


def test_committed_equals_generated() -> None:
    """Who edits a model runs `make crds`."""
    on_disk = {file.name: file.read_text(encoding="utf-8") for file in COMMITTED.glob("*.yaml")}

    assert on_disk == generated_crds()


def test_the_command_writes_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`python -m tierway_operator.crds DIR` is what `make crds` calls."""
    monkeypatch.setattr("sys.argv", ["crds", str(tmp_path)])

    main()

    assert {file.name: file.read_text(encoding="utf-8") for file in tmp_path.iterdir()} == generated_crds()


def test_the_full_objects_have_every_field_and_no_other() -> None:
    """The shapes that users hold are spelt out once, and a new field is added there."""
    spelt_out = {path for full in (FULL_TIER, FULL_POLICY) for path in _paths(full["spec"], f"{full['kind']}.spec")}

    assert spelt_out == SPECS.keys()


def _paths(value: Any, path: str) -> Iterator[str]:
    below = ((f"{path}.{name}", part) for name, part in value.items()) if isinstance(value, dict) else ()
    entries = ((f"{path}[]", part) for part in value) if isinstance(value, list | tuple) else ()
    for here, part in (*below, *entries):
        yield here
        yield from _paths(part, here)


@pytest.mark.parametrize("full", [FULL_TIER, FULL_POLICY], ids=lambda full: full["kind"])
def test_the_models_lose_nothing_of_a_full_object(full: dict[str, Any]) -> None:
    """Every field of the YAML has its attribute, under exactly that name."""
    model = {"ModelTier": ModelTier, "RoutingPolicy": RoutingPolicy}[full["kind"]]
    read = model.model_validate({**full, "metadata": {"name": "a", "namespace": "b"}})

    assert read.spec.model_dump(by_alias=True, exclude_none=True, mode="json") == full["spec"]


def test_every_field_is_described() -> None:
    """`kubectl explain` reads like a manual only when nothing is missing; a list describes its entries."""
    assert [path for path, part in ALL.items() if not path.endswith("[]") and "description" not in part] == []


def test_every_list_text_and_number_is_bounded() -> None:
    """The API server estimates the cost of rules from bounds; what has none could be as large as an object may be."""
    bound = {"array": {"maxItems"}, "string": {"maxLength", "enum"}, "integer": {"maximum"}}

    assert [path for path, part in ALL.items() if not bound.get(part["type"], {"type"}) & part.keys()] == []


def test_every_list_says_how_it_is_merged() -> None:
    """Server-side apply must know what two appliers of one list mean."""
    lists = {path: part for path, part in ALL.items() if part["type"] == "array"}

    assert {part.get("x-kubernetes-list-type") for part in lists.values()} == {"map", "set", "atomic"}
    assert {path for path, part in lists.items() if part["x-kubernetes-list-type"] == "atomic"} == {
        "RoutingPolicy.spec.routes[].candidates",
        "RoutingPolicy.spec.rules",
    }


def test_nothing_is_a_float() -> None:
    """Floats do not survive a round trip through every client."""
    assert {part["type"] for part in ALL.values()} == {"array", "boolean", "integer", "object", "string"}


def test_conditions_come_first_in_every_status() -> None:
    """They are what a reader looks for."""
    assert [next(iter(root["properties"]["status"]["properties"])) for root in ROOTS.values()] == ["conditions"] * 2


def test_only_defaults_that_can_never_change_are_written_into_objects() -> None:
    """A default in the schema is stored with every object, out of a later release's reach."""
    assert {path: part["default"] for path, part in ALL.items() if "default" in part} == {
        "ModelTier.spec.allowedPolicies.from": "Same",
        "RoutingPolicy.spec.rules[].match.headers[].type": "Exact",
    }


@pytest.mark.parametrize(
    ("path", "default"),
    [
        ("ModelTier.spec.providers[].auth.scheme", defaults.AUTH_SCHEME),
        ("ModelTier.spec.providers[].compatibility.streamUsage", defaults.STREAM_USAGE),
        ("ModelTier.spec.providers[].compatibility.outputLimitParameter", defaults.OUTPUT_LIMIT_PARAMETER),
        ("ModelTier.spec.models[].state", defaults.MODEL_STATE),
        ("ModelTier.spec.models[].reasoning", defaults.REASONING),
        (
            "ModelTier.spec.models[].limits.maxTTFTPer1KInputTokensMilliseconds",
            defaults.MAX_TTFT_PER_1K_INPUT_TOKENS_MILLISECONDS,
        ),
        ("RoutingPolicy.spec.pins.class", defaults.PIN),
        ("RoutingPolicy.spec.pins.tier", defaults.PIN),
        ("RoutingPolicy.spec.pins.model", defaults.PIN),
        ("RoutingPolicy.spec.unknownModels", defaults.UNKNOWN_MODELS),
        ("RoutingPolicy.spec.classifier.preset", defaults.CLASSIFIER_PRESET),
        ("RoutingPolicy.spec.classifier.onUncertain", defaults.ON_UNCERTAIN),
        ("RoutingPolicy.spec.fallback.delayMilliseconds", defaults.FALLBACK_DELAY_MILLISECONDS),
        ("RoutingPolicy.spec.fallback.onSlowFirstToken", defaults.ON_SLOW_FIRST_TOKEN),
        ("RoutingPolicy.spec.streaming.upstream", defaults.UPSTREAM_STREAMING),
        ("RoutingPolicy.spec.streaming.firstTokenTimeoutMilliseconds", defaults.FIRST_TOKEN_TIMEOUT_MILLISECONDS),
        ("RoutingPolicy.spec.streaming.stallMilliseconds", defaults.STALL_MILLISECONDS),
        ("RoutingPolicy.spec.streaming.bufferBytes", defaults.BUFFER_BYTES),
        ("RoutingPolicy.spec.outputLimit.onExceeded", defaults.ON_OUTPUT_LIMIT_EXCEEDED),
    ],
)
def test_the_manual_tells_the_default_that_the_compiler_applies(path: str, default: object) -> None:
    """Two places say it; they must say the same."""
    assert SPECS[path]["description"].endswith(f"Default: {default}.")


def test_every_pattern_has_words_for_people() -> None:
    """A refusal shows a sentence, not a regular expression."""
    assert {part["pattern"] for part in SPECS.values() if "pattern" in part} <= PATTERNS_IN_WORDS.keys()


def test_kubectl_shows_the_columns_of_the_manual() -> None:
    """Names, order and what only `-o wide` shows."""
    columns = {
        kind: [each["name"].upper() for each in crd["spec"]["versions"][0]["additionalPrinterColumns"]
               if each.get("priority", 0) == 0]
        for kind, crd in CRDS.items()
    }  # fmt: skip

    assert columns == {
        "ModelTier": ["MODELS", "TTFT-P95", "LIMIT", "TOK/S", "ERRORS", "COST-TODAY", "READY", "AGE"],
        "RoutingPolicy": ["REQUESTS", "SPEND", "SAVED", "PROGRAMMED", "READY", "AGE"],
    }


def test_short_names_are_nobody_elses() -> None:
    """`mt`, `rp` and `mr` belong to other products."""
    assert {kind: crd["spec"]["names"]["shortNames"] for kind, crd in CRDS.items()} == {
        "ModelTier": ["mtier"],
        "RoutingPolicy": ["rpolicy"],
    }


def test_a_keyword_that_the_generator_does_not_know_stops_it() -> None:
    """A constraint that is lost in silence is worse than a broken build."""
    with pytest.raises(ValueError, match="multipleOf"):
        structural({"type": "integer", "multipleOf": 5}, {})


def test_rules_of_a_field_are_added_to_those_of_its_type() -> None:
    """Neither may hide the other."""
    definitions = {"T": {"type": "object", "x-kubernetes-validations": [{"rule": "a"}]}}

    schema = structural({"$ref": "#/$defs/T", "x-kubernetes-validations": [{"rule": "b"}]}, definitions)

    assert schema["x-kubernetes-validations"] == [{"rule": "a"}, {"rule": "b"}]


def test_the_files_are_plain_yaml() -> None:
    """No anchors: kubectl reads them, people too."""
    for text in generated_crds().values():
        assert not [event for event in yaml.parse(text) if isinstance(event, yaml.AliasEvent)]
