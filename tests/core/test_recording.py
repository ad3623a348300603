"""What is kept of a request for labelling: all that the classifier saw of it, and nothing else."""

import json
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from demo.corpus import load
from tests.core.tables import catalog, model
from tierway_proxy.contract.table import Match, Rule, Use
from tierway_proxy.core.classify import classify, examine
from tierway_proxy.core.health import Health
from tierway_proxy.core.plan import decide
from tierway_proxy.core.recording import (
    MOST_CHARACTERS,
    MOST_DEPTH,
    MOST_MESSAGES,
    MOST_VALUES,
    Record,
    line,
    record,
    snapshot,
)
from tierway_proxy.core.redact import CUT, KEPT

NOON = 1_764_000_000.25
KEYS = st.sampled_from(
    [
        *("messages", "role", "content", "type", "text", "tools", "function", "name", "parameters", "response_format"),
        *("image_url", "url", "tool_calls", "arguments", "max_tokens", "reasoning", "effort", "password"),
    ]
)
LEAF = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters() | st.just("\ud800"), max_size=20)
    | st.sampled_from(["user", "text", "x" * 10_000])
)
ANYTHING = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(KEYS, inner, max_size=6), max_leaves=30
)


def plan(fields, headers=None, **table):
    able = model("small", capabilities=("Tools", "Vision", "JSONSchema"))
    return decide(catalog(able, **table), fields, headers or {}, Health(), 0.0)


def written(fields):
    """The line of a request that the classifier judged, read again."""
    kept = record(plan(fields), fields, NOON)
    assert isinstance(kept, Record)
    data = line(kept)
    assert data.endswith(b"\n")
    assert data.count(b"\n") == 1
    return json.loads(data)


def chat(*texts, **fields):
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[at % 2], "content": text} for at, text in enumerate(texts)], **fields}


def test_a_record_says_what_was_decided_and_why():
    """When, by which table, which class, how sure, for which reasons: what a labeller is to judge."""
    fields = chat("How do refunds work?", model="auto")
    said, ask = written(fields), plan(fields).ask
    assert said == {
        "time": "2025-11-24T16:00:00.250Z",
        "policy": "llm/default",
        "table": plan(fields).catalog.hash,
        "class": ask.klass,
        "probabilities": [round(each, 4) for each in ask.probabilities],
        "reasons": list(ask.reasons),
        "input_tokens": ask.input_tokens,
        "cut": False,
        "request": {"messages": fields["messages"]},
    }


def test_nothing_else_of_a_request_is_kept():
    """Who asked, for whom, and what no classifier looks at."""
    tool = {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}
    schema = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}
    kept = {
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Look"}]},
            {"role": "assistant", "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        ],
        "tools": [tool],
        "response_format": schema,
        "max_tokens": 5,
        "max_completion_tokens": 6,
        "reasoning_effort": "low",
        "reasoning": {"effort": "low"},
    }
    given_ = json.loads(json.dumps(kept))
    given_ |= {"model": "auto", "user": "secret-u", "metadata": {"k": "secret-m"}, "stream": True, "seed": 1}
    given_["messages"][0] |= {"name": "secret-n", "cache": "secret-c"}
    given_["messages"][0]["content"][0]["annotations"] = ["secret-a"]
    given_["messages"][1]["tool_calls"][0] |= {"id": "secret-i"}
    given_["tools"][0] |= {"headers": {"X": "secret-h"}, "server_url": "secret-s"}
    given_["reasoning"]["note"] = "secret-r"
    assert snapshot(given_).request == kept
    assert "secret-" not in json.dumps(written(given_))


@pytest.mark.parametrize(
    ("part", "kept"),
    [
        (
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0", "detail": "low"}},
            {"type": "image_url", "image_url": {"url": "[picture]", "detail": "low"}},
        ),
        (
            {"type": "image_url", "image_url": {"url": "https://cdn.example/x?signature=abc"}},
            {"type": "image_url", "image_url": {"url": "[picture]"}},
        ),
        ({"type": "input_audio", "input_audio": {"data": "UklGR"}}, {"type": "input_audio"}),
        ({"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBER"}}, {"type": "file"}),
        ("a bare string", "a bare string"),
    ],
    ids=["picture", "linked-picture", "sound", "file", "string"],
)
def test_pictures_sounds_and_files_are_kept_as_the_word_for_them(part, kept):
    """That there was one matters for the class; what it shows is nobody's."""
    said = written({"messages": [{"role": "user", "content": [{"type": "text", "text": "Look:"}, part]}]})
    assert said["request"]["messages"][0]["content"][1] == kept


def test_secrets_go_wherever_a_text_stands():
    """In turns, tools, schemas, arguments; in values, under names that say what they are, as names, as numbers."""
    key, mail, card = "sk-proj-abcdefgh12345678", "jane@example.com", 4111111111111111
    example_ = {"type": "object", "properties": {key: {"default": mail}}, "password": "plain", "card": card}
    fields = chat(
        f"I am {mail}",
        f"Your key is {key}",
        f"Card {card}",
        tools=[{"type": "function", "function": {"name": "f", "description": key, "parameters": example_}}],
        response_format={"type": "json_schema", "json_schema": {"description": mail, "schema": example_}},
    )
    fields["messages"].append(
        {"role": "assistant", "tool_calls": [{"function": {"name": mail, "arguments": {"apiKey": "plain"}}}]}
    )
    fields["messages"].append({"role": key, "content": '{"token": "plain-7"}'})
    text = json.dumps(written(fields))
    assert [each for each in (key, mail, str(card), "plain") if each in text] == []
    assert "[key]" in text


def test_what_stands_under_the_name_of_a_secret_goes_whatever_it_is():
    """Numbers and lists of them, too; what describes a secret stays, and so do the directives named like one."""
    told = {"password": 12345678, "pins": [1], "tokens": ["plain", 7, {"a": 1}], "has_token": True}
    described = {"password": {"type": "string", "minLength": 5}}
    calls = [{"function": {"name": "f", "arguments": told}}]
    fields = chat("Hi", tools=[{"name": "f", "parameters": described}], max_tokens=500)
    fields["messages"].append({"role": "assistant", "tool_calls": calls})
    request = written(fields)["request"]
    assert request["messages"][1]["tool_calls"][0]["function"]["arguments"] == {
        "password": "[key]",
        "pins": [1],
        "tokens": ["[key]", "[key]", {"a": 1}],
        "has_token": True,
    }
    assert request["tools"][0]["parameters"] == described
    assert request["max_tokens"] == 500


def test_long_texts_are_cut_to_their_ends():
    """And the record says so."""
    text = "begin " + "middle " * 3000 + "end"
    said = written(chat(text))
    (message,) = said["request"]["messages"]
    assert said["cut"] is True
    assert len(message["content"]) <= 2 * KEPT + len(CUT)
    assert message["content"].startswith("begin middle ")
    assert message["content"].endswith("middle end")
    assert CUT in message["content"]


@pytest.mark.parametrize("size", [2 * KEPT, 2 * KEPT + 1, 2 * KEPT + 1024, 2 * KEPT + 1025, 100_000])
def test_no_text_is_kept_longer_than_its_ends_allow(size):
    """Just where the ways of cutting meet, too."""
    said = written(chat("x" * size))
    (message,) = said["request"]["messages"]
    assert said["cut"] == (size > 2 * KEPT)
    assert len(message["content"]) <= 2 * KEPT + len(CUT) * (size > 2 * KEPT)


def test_a_secret_across_the_cut_of_a_long_text_is_not_kept_by_half():
    """The middle that is left out may begin or end in a key."""
    key = "sk-proj-" + string.ascii_letters + string.digits
    for at in range(KEPT - 80, KEPT + 80, 7):
        text = "a " * (at // 2) + key + " b" * 9000
        for each in (text, text[::-1].replace(key[::-1], key)):
            left = json.dumps(written(chat(each))["request"])
            assert [key[n : n + 8] for n in range(len(key) - 8) if key[n : n + 8] in left] == []


def test_a_huge_conversation_keeps_its_first_and_its_newest_turns():
    """The ask is always there; room that it leaves goes to what is nearest to it."""
    said = written(chat(*[f"turn {number} " + "x" * 5000 for number in range(200)], "The ask?"))
    messages = said["request"]["messages"]
    assert said["cut"] is True
    assert len(messages) == MOST_MESSAGES
    assert messages[-1]["content"] == "The ask?"
    assert messages[-2]["content"].startswith("turn 199 ")
    assert messages[0]["content"] == CUT  # there was no room left, but that there was a turn is seen
    assert sum(len(each["content"]) for each in messages) <= MOST_CHARACTERS


def test_a_huge_schema_is_kept_in_part():
    """Many values, deep ones, wide ones: none takes more than its share."""
    deep = 0
    for _ in range(500):
        deep = {"a": deep}
    wide = {f"p{number}": {"type": "string", "enum": list(range(100))} for number in range(1000)}
    for parameters in (deep, wide, [[[1] * 99] * 99] * 99):
        said = written(chat("Hi", tools=[{"function": {"name": "f", "parameters": parameters}}]))
        text = json.dumps(said["request"]["tools"])
        assert said["cut"] is True
        assert text.count("{") + text.count("[") <= MOST_VALUES
        assert text.count('"a"') <= MOST_DEPTH + 1


def test_what_should_be_a_word_or_a_name_is_none_when_it_is_long():
    """Roles and directives are words of at most 64 characters, names in schemas are cut at 256."""
    fields = chat("Hi", max_tokens="9" * 64, reasoning_effort="h" * 65, tools=[{"parameters": {"p" * 300: 1}}])
    fields["messages"].append({"role": "r" * 65, "content": "x"})
    assert snapshot(fields).request == {
        "messages": [{"role": "user", "content": "Hi"}, {"content": "x"}],
        "tools": [{"parameters": {"p" * 256: 1}}],
        "max_tokens": "9" * 64,
    }


def test_a_tool_nested_in_itself_is_opened_once():
    """A body may nest it a thousand times, which must not end the request that brought it."""
    tool = {"name": "deep"}
    for _ in range(1000):
        tool = {"type": "function", "function": tool}
    said = snapshot(chat("Hi", tools=[tool])).request["tools"]
    assert said == [{"type": "function", "function": {"type": "function"}}]


@given(st.dictionaries(KEYS, ANYTHING, max_size=6), st.lists(ANYTHING, min_size=1, max_size=4))
@example({}, [{"role": "user", "content": 10**400}])
def test_any_request_makes_a_line_of_json_or_nothing(fields, messages):
    """Upstreams refuse bad requests; recording never does."""
    fields = {**fields, "messages": messages}
    kept = record(plan(fields), fields, NOON)
    if kept is not None:
        data = line(kept)
        json.loads(data)
        assert data.count(b"\n") == 1


def test_a_record_classifies_as_its_request_did():
    """So that a labeller, and what is learned from the labels, sees what the classifier saw."""
    compared = 0
    for sample in load():
        said = snapshot(sample.request)
        again = json.loads(line(Record(NOON, "llm/default", "", plan(sample.request).ask, said)))["request"]
        if again["messages"] == sample.request["messages"]:
            first, second = (classify(body, examine(body)) for body in (sample.request, again))
            assert (second.probabilities, second.reasons) == (first.probabilities, first.reasons)
            compared += 1
    assert compared > 100


def _pinning(**match):
    return (Rule(name="r", match=Match(**match), use=Use(request_class="Complex")),)


@pytest.mark.parametrize(
    ("fields", "headers", "table"),
    [
        ({"model": "small"}, {}, {}),
        ({"model": "auto"}, {"X-Tierway-Class": "simple"}, {}),
        ({"model": "auto"}, {}, {"rules": _pinning(models=("auto",))}),
    ],
    ids=["pinned", "by-header", "by-rule"],
)
def test_what_the_classifier_did_not_judge_is_not_kept(fields, headers, table):
    """A tier, a model or a class that somebody named teaches nothing about the classifier."""
    fields = chat("How do refunds work?", **fields)
    assert record(plan(fields, headers, **table), fields, NOON) is None
