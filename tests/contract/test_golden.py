"""Messages of version 1 as old programs wrote them: they must be read for ever, to the byte.

A red test here means that a format changed without becoming a new version. Never edit golden files to suit the code.
"""

import copy
import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from tierway_proxy.contract.base import CLASSES, READS, VERSION, canonical, digest
from tierway_proxy.contract.observations import Observations
from tierway_proxy.contract.state import State
from tierway_proxy.contract.table import RouteTable

GOLDEN = Path(__file__).parent / "golden"
KINDS = {"table-1": RouteTable, "state-1": State, "observations-1": Observations}
DIGESTS = {
    "table-1": "94edc8336d5085bccfd4642e52cc4b6f5c3fd5dec88dcf56b688a51ddbaaef3f",
    "state-1": "fca4e0a6d2f450d700d8ee60abbc3fed2508866f253e68eab720c753f4e4c927",
    "observations-1": "53c870cbfdddbfc31bc1723476c74c7c239b8c45ec60c3a4eb8fb31bca4012b2",
}
COUNTED_BY_REASON = {"errors", "fallbacks", "outcomes"}


def text_of(name):
    return (GOLDEN / f"{name}.json").read_text(encoding="utf-8")


def loaded(name):
    return KINDS[name].model_validate_json(text_of(name))


def objects(value, path=()):
    """The path of every JSON object within a value."""
    if isinstance(value, dict):
        yield path
        for key, each in value.items():
            yield from objects(each, (*path, key))
    elif isinstance(value, list):
        for at, each in enumerate(value):
            yield from objects(each, (*path, at))


def at(value, path):
    for step in path:
        value = value[step]
    return value


NAMES = [(name, path) for name in KINDS for path in objects(json.loads(text_of(name)))]
STRICT = [(name, path) for name, path in NAMES if not path or path[-1] not in COUNTED_BY_REASON]


@pytest.mark.parametrize("name", KINDS)
def test_a_message_of_version_1_is_read(name):
    """And says the same when it is written again: nothing of it is lost, nothing is added."""
    assert json.loads(canonical(loaded(name))) == json.loads(text_of(name))


@pytest.mark.parametrize("name", KINDS)
def test_the_canonical_text_is_stable(name):
    """`Programmed` compares its hash between programs of different builds."""
    assert digest(canonical(loaded(name))) == DIGESTS[name]
    assert canonical(KINDS[name].model_validate_json(canonical(loaded(name)))) == canonical(loaded(name))


@pytest.mark.parametrize("name", KINDS)
def test_the_canonical_text_does_not_depend_on_how_it_was_written(name):
    """The order of members and blanks are nobody's business."""
    backwards = json.dumps(dict(reversed(json.loads(text_of(name)).items())), indent=7)
    assert canonical(KINDS[name].model_validate_json(backwards)) == canonical(loaded(name))


def test_the_canonical_text_is_compact_and_sorted():
    """One text for one message, non-ASCII as it is."""
    text = canonical(loaded("table-1"))
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert "é" in text


@pytest.mark.parametrize(("name", "path"), STRICT, ids=["/".join(map(str, (name, *path))) for name, path in STRICT])
def test_an_unknown_field_makes_a_message_invalid_wherever_it_stands(name, path):
    """What is not understood must not be half obeyed."""
    value = copy.deepcopy(json.loads(text_of(name)))
    at(value, path)["surprise"] = 1
    with pytest.raises(ValidationError, match="surprise"):
        KINDS[name].model_validate_json(json.dumps(value))


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_another_version_is_not_taken_for_this_one(name, version):
    """Each has its own reader."""
    with pytest.raises(ValidationError, match="version"):
        KINDS[name].model_validate_json(json.dumps({**json.loads(text_of(name)), "version": version}))


@pytest.mark.parametrize("name", KINDS)
def test_a_message_cannot_be_changed(name):
    """Tables are shared by all requests."""
    with pytest.raises(ValidationError, match="frozen"):
        loaded(name).version = 1


def test_what_a_table_leaves_out_has_the_documented_default():
    """An operator may say only what differs from it."""
    table = RouteTable.model_validate_json(text_of("table-1-minimal"))
    assert (table.unknown_models, table.output_limit, table.baseline, table.rules) == ("Reject", "Clamp", None, ())
    assert (table.fallback.max_attempts, table.fallback.delay_ms) == (None, 100)
    streaming = table.streaming
    assert (streaming.upstream, streaming.first_token_timeout_ms, streaming.stall_ms) == (
        "WhenPossible",
        30_000,
        30_000,
    )
    assert streaming.buffer_bytes == 65_536
    assert (table.pins.request_class, table.pins.tier, table.pins.model) == (True, True, True)
    assert (table.classifier.preset, table.classifier.on_uncertain) == ("Balanced", "Promote")
    assert (table.classifier.boundaries, table.classifier.model) == (None, None)
    provider = table.tiers["llm/budget"].providers["us"]
    assert (provider.auth_header, provider.auth_prefix, provider.stream_usage) == ("Authorization", "Bearer ", True)
    assert (provider.output_limit_parameter, provider.credential, provider.ca_bundle) == ("max_tokens", None, None)
    model = table.tiers["llm/budget"].models[0]
    assert (model.reasoning, model.capabilities, model.limits.max_ttft_ms) == ("None", (), None)
    assert model.endpoints[0].price.request == 0


BAD = {
    "no policy": lambda table: table.pop("policy"),
    "no routes": lambda table: table.pop("routes"),
    "no price": lambda table: table["tiers"]["llm/budget"]["models"][0]["endpoints"][0].pop("price"),
    "a negative price": lambda table: table["tiers"]["llm/budget"]["models"][0]["endpoints"][0]["price"].update(
        input=-1
    ),
    "half a pico-dollar": lambda table: table["tiers"]["llm/budget"]["models"][0]["endpoints"][0]["price"].update(
        input=0.5
    ),
    "an unknown class": lambda table: table["routes"].update(Trivial={"candidates": []}),
    "an unknown capability": lambda table: table["tiers"]["llm/budget"]["models"][0].update(capabilities=["Magic"]),
    "a generation that is none": lambda table: table.update(generation="new"),
}


BAD_CLASSIFIERS = {
    "a boundary of nothing": lambda classifier: classifier["boundaries"].update(moderate_percent=0),
    "a boundary of certainty": lambda classifier: classifier["boundaries"].update(complex_percent=100),
    "one boundary of two": lambda classifier: classifier["boundaries"].pop("complex_percent"),
    "weights that are no base64": lambda classifier: classifier["model"].update(structure="%%%%"),
    "a figure too few": lambda classifier: classifier["model"].update(structure="AAAA" * 57),
    "too few words": lambda classifier: classifier["model"].update(words="AAA="),
    "a model of no labels": lambda classifier: classifier["model"].update(labels=0),
    "infinite log-odds": lambda classifier: classifier["model"].update(bias=[float("inf"), 0]),
    "log-odds that are no number": lambda classifier: classifier["model"].update(bias=[float("nan"), 0]),
    "log-odds beyond reason": lambda classifier: classifier["model"].update(bias=[1e6, 0]),
    "a step of nothing": lambda classifier: classifier["model"].update(step=0),
    "a model of a later version": lambda classifier: classifier["model"].update(version=2),
}


@pytest.mark.parametrize("spoil", BAD_CLASSIFIERS.values(), ids=BAD_CLASSIFIERS.keys())
def test_a_table_whose_classifier_is_wrong_is_not_read(spoil):
    """Every request would be misjudged by it, or answered by an error."""
    table = json.loads(text_of("table-1"))
    spoil(table["classifier"])
    with pytest.raises(ValidationError, match="classifier"):
        RouteTable.model_validate_json(json.dumps(table))


@pytest.mark.parametrize("spoil", BAD.values(), ids=BAD.keys())
def test_a_table_that_is_wrong_is_not_read(spoil):
    """It must not replace a good one."""
    table = json.loads(text_of("table-1-minimal"))
    spoil(table)
    with pytest.raises(ValidationError):
        RouteTable.model_validate_json(json.dumps(table))


def test_money_is_exact_beyond_what_a_float_holds():
    """Pico-dollars of a busy day are more than 2^53."""
    found = loaded("observations-1").days["2026-11-24"].policies["llm/default"]
    assert found.cost == 123_456_789_012_345_678
    assert "123456789012345678" in canonical(loaded("observations-1"))


def test_this_build_reads_what_it_writes():
    """And names the classes in the order of their difficulty."""
    assert VERSION in READS
    assert CLASSES == ("Simple", "Moderate", "Complex")
