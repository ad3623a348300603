"""The demo's requests are what they are said to be: varied, valid, and mixed like production traffic."""

import collections
import itertools
import json
from typing import get_args

import pytest

from demo.corpus import REQUESTS, Shape, load, sequence

SAMPLES = load()
SHAPES = get_args(Shape)
ROLES = {"system", "user", "assistant", "tool"}
MAY_HOLD = {"messages", "tools", "max_tokens", "response_format", "reasoning_effort"}


def parts(message):
    return message["content"] if isinstance(message.get("content"), list) else []


def last_words(sample):
    return json.dumps(sample.request["messages"][-1], ensure_ascii=False)


def share(klass):
    return sum(sample.klass == klass for sample in SAMPLES) / len(SAMPLES)


def test_the_mix_is_that_of_production():
    """About 60% Simple, 28% Moderate and 12% Complex."""
    assert len(SAMPLES) >= 600
    assert share("Simple") == pytest.approx(0.60, abs=0.03)
    assert share("Moderate") == pytest.approx(0.28, abs=0.03)
    assert share("Complex") == pytest.approx(0.12, abs=0.03)


def test_many_languages_and_areas_are_spoken():
    """English is at most six in ten, and no area is a token one."""
    languages = collections.Counter(sample.language for sample in SAMPLES)
    areas = collections.Counter(sample.area for sample in SAMPLES)
    assert len(languages) >= 35
    assert languages["en"] <= 0.6 * len(SAMPLES)
    assert set(areas) >= {"support", "extraction", "rewriting", "code", "analysis", "tools", "legal-finance"}
    assert min(areas.values()) >= 15


def test_no_shape_gives_the_class_away():
    """Every shape is asked easy, middling and hard things in."""
    classes = {shape: {sample.klass for sample in SAMPLES if sample.shape == shape} for shape in SHAPES}
    assert classes == {shape: {"Simple", "Moderate", "Complex"} for shape in SHAPES}


def test_no_length_gives_the_class_away():
    """One Simple request in ten is longer than half of the Complex ones, and one Complex in ten shorter than half."""
    lengths = {
        klass: sorted(len(last_words(sample)) for sample in SAMPLES if sample.klass == klass)
        for klass in ("Simple", "Complex")
    }
    simple, hard = lengths["Simple"], lengths["Complex"]
    assert simple[len(simple) * 9 // 10] > hard[len(hard) // 2]
    assert hard[len(hard) // 10] < simple[len(simple) // 2]


def test_each_file_holds_its_area():
    """A request is found where its area says."""
    for path in REQUESTS.glob("*.jsonl"):
        assert {json.loads(line)["area"] for line in path.read_text(encoding="utf-8").splitlines()} == {path.stem}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: f"{sample.area}-{sample.language}-{sample.klass}")
def test_a_shape_is_what_is_said_first_of_the_request(sample):
    """What can be told from the fields is told from them: a picture, then tools, a schema, turns, or none of these."""
    request = sample.request
    turns = [message for message in request["messages"] if message["role"] != "system"]
    held = {
        "picture": any(part["type"] == "image_url" for message in turns for part in parts(message)),
        "tools": "tools" in request,
        "schema": "response_format" in request,
        "turns": len(turns) > 1,
    }
    expected = next((shape for shape, there in held.items() if there), None)
    assert sample.shape == expected if expected else sample.shape in set(SHAPES) - set(held)


def test_no_two_requests_are_the_same_text():
    """The last words of each request occur once only, and no label hides a second copy."""
    seen = [json.dumps(sample.request, sort_keys=True) for sample in SAMPLES]
    assert len(set(seen)) == len(seen)


def test_only_legal_and_finance_have_a_policy_of_their_own():
    """The second policy of the quickstart gets exactly its area."""
    assert all((sample.policy == "legal-finance") == (sample.area == "legal-finance") for sample in SAMPLES)
    assert {sample.policy for sample in SAMPLES} == {"default", "legal-finance"}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: f"{sample.area}-{sample.language}-{sample.klass}")
def test_every_request_is_one_that_a_provider_accepts(sample):
    """Known fields and roles, content everywhere, tool results that answer a call, the user or a tool last."""
    assert set(sample.request) <= MAY_HOLD
    messages = sample.request["messages"]
    assert messages[-1]["role"] in ("user", "tool")
    called = set()
    for message in messages:
        assert message["role"] in ROLES
        assert message.get("content") or message.get("tool_calls")
        called |= {call["id"] for call in message.get("tool_calls", [])}
        assert message["role"] != "tool" or message["tool_call_id"] in called
    for tool in sample.request.get("tools", []):
        parameters = tool["function"]["parameters"]
        assert set(parameters["required"]) <= set(parameters["properties"])


def test_pictures_are_small_and_inside_the_request():
    """Nothing is fetched from anywhere to look at one."""
    held = [part for sample in SAMPLES for message in sample.request["messages"] for part in parts(message)]
    pictures = [part["image_url"]["url"] for part in held if part["type"] == "image_url"]
    assert pictures
    assert all(url.startswith("data:image/png;base64,") for url in pictures)
    assert all(len(url) < 300 for url in pictures)


def test_a_sequence_is_decided_by_its_seed():
    """Two runs of the demo send the same requests in the same order."""
    assert list(sequence(SAMPLES, 500, seed=3)) == list(sequence(SAMPLES, 500, seed=3))
    assert list(sequence(SAMPLES, 50, seed=3)) != list(sequence(SAMPLES, 50, seed=4))


def test_no_request_comes_again_before_all_have_come():
    """A sequence of any length keeps the mix: each round is the whole corpus in another order."""
    rounds = list(sequence(SAMPLES, 2 * len(SAMPLES) + 7))
    assert len(rounds) == 2 * len(SAMPLES) + 7
    first, second = rounds[: len(SAMPLES)], rounds[len(SAMPLES) : 2 * len(SAMPLES)]
    texts = [[json.dumps(sample.request) for sample in each] for each in (first, second)]
    assert all(len(set(each)) == len(SAMPLES) for each in texts)
    assert texts[0] != texts[1]


def test_a_sequence_of_nothing_is_empty():
    """Zero requests may be asked for."""
    assert list(itertools.islice(sequence(SAMPLES, 0), 1)) == []
