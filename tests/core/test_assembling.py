"""A streamed answer put together again says what an unstreamed one says."""

import pytest

from tests.core.script import Life
from tests.core.wire import DONE, ROLE, STOP, choice, chunk, counted, event, message, text, usage

LOGPROBS = [{"token": "He", "logprob": -0.1, "bytes": [72, 101], "top_logprobs": []}]
MORE_LOGPROBS = [{"token": "y", "logprob": -0.2, "bytes": [121], "top_logprobs": []}]


def call(index, **function):
    return {"index": index, "function": function}


def started_call(index, identity, name):
    return {"index": index, "id": identity, "type": "function", "function": {"name": name, "arguments": ""}}


def whole_call(identity, name, arguments):
    return {"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}}


AROUND = {"id": "c-1", "object": "chat.completion.chunk", "created": 7, "model": "Up"}

SAME = {
    "text": ([ROLE, text("He"), text("y"), STOP], [choice(message("Hey"))]),
    "the same word again": ([ROLE, text("ha"), text("ha"), STOP], [choice(message("haha"))]),
    "no role": ([text("Hey"), STOP], [choice(message("Hey"))]),
    "a role in every chunk": (
        [chunk({"role": "assistant", "content": word}) for word in ("He", "y")] + [STOP],
        [choice(message("Hey"))],
    ),
    "a reason in the last content chunk": (
        [ROLE, chunk({"content": "Hey"}, finish="length")],
        [choice(message("Hey"), "length")],
    ),
    "a tool call": (
        [
            chunk({"role": "assistant", "content": None, "tool_calls": [started_call(0, "call-1", "find")]}),
            chunk({"tool_calls": [call(0, arguments='{"q": ')]}),
            chunk({"tool_calls": [call(0, arguments='"é"}')]}),
            chunk({}, finish="tool_calls"),
        ],
        [choice(message(tool_calls=[whole_call("call-1", "find", '{"q": "é"}')]), "tool_calls")],
    ),
    "two tool calls, interleaved": (
        [
            ROLE,
            chunk({"tool_calls": [started_call(0, "call-1", "find"), started_call(1, "call-2", "read")]}),
            chunk({"tool_calls": [call(1, arguments="{}")]}),
            chunk({"tool_calls": [call(0, arguments="[]")]}),
            chunk({}, finish="tool_calls"),
        ],
        [
            choice(
                message(tool_calls=[whole_call("call-1", "find", "[]"), whole_call("call-2", "read", "{}")]),
                "tool_calls",
            )
        ],
    ),
    "a tool call whose name comes again": (
        [
            chunk({"tool_calls": [started_call(0, "call-1", "find")]}),
            chunk(
                {"tool_calls": [{**started_call(0, "call-1", "find"), "function": {"name": "find", "arguments": "{}"}}]}
            ),
            chunk({}, finish="tool_calls"),
        ],
        [choice(message(tool_calls=[whole_call("call-1", "find", "{}")]), "tool_calls")],
    ),
    "a function call of old": (
        [
            chunk({"function_call": {"name": "find", "arguments": ""}}),
            chunk({"function_call": {"arguments": "{}"}}),
            chunk({}, finish="function_call"),
        ],
        [choice(message(function_call={"name": "find", "arguments": "{}"}), "function_call")],
    ),
    "several choices": (
        [
            chunk({"content": "He"}),
            chunk({"content": "Ho"}, index=1),
            text("y"),
            chunk({}, finish="stop", index=1),
            STOP,
        ],
        [choice(message("Hey")), choice(message("Ho"), index=1)],
    ),
    "several choices in one chunk, the last first": (
        [
            event(
                {
                    "id": "c-1",
                    "object": "chat.completion.chunk",
                    "created": 7,
                    "model": "Up",
                    "choices": [
                        {"index": 1, "delta": {"content": "Ho"}, "finish_reason": "stop"},
                        {"index": 0, "delta": {"content": "Hey"}, "finish_reason": "stop"},
                    ],
                }
            )
        ],
        [choice(message("Hey")), choice(message("Ho"), index=1)],
    ),
    "log probabilities": (
        [
            event(
                {
                    "id": "c-1",
                    "object": "chat.completion.chunk",
                    "created": 7,
                    "model": "Up",
                    "choices": [
                        {
                            "index": 0,
                            "delta": {"content": word},
                            "logprobs": {"content": each, "refusal": None},
                            "finish_reason": None,
                        }
                    ],
                }
            )
            for word, each in (("He", LOGPROBS), ("y", MORE_LOGPROBS))
        ]
        + [STOP],
        [choice(message("Hey"), logprobs={"content": LOGPROBS + MORE_LOGPROBS, "refusal": None})],
    ),
    "log probabilities after a null": (
        [
            event(
                {
                    "id": "c-1",
                    "object": "chat.completion.chunk",
                    "created": 7,
                    "model": "Up",
                    "choices": [
                        {
                            "index": 0,
                            "delta": {"role": "assistant", "content": word},
                            "logprobs": each,
                            "finish_reason": reason,
                        }
                    ],
                }
            )
            for word, each, reason in (("", None, None), ("He", {"content": LOGPROBS}, None), ("", None, "stop"))
        ],
        [choice(message("He"), logprobs={"content": LOGPROBS})],
    ),
    "a refusal": (
        [chunk({"role": "assistant", "refusal": "I "}), chunk({"refusal": "won't"}), STOP],
        [choice(message(refusal="I won't"))],
    ),
    "reasoning": (
        [chunk({"reasoning_content": "Let "}), chunk({"reasoning_content": "me"}), text("Hey"), STOP],
        [choice(message("Hey", reasoning_content="Let me"))],
    ),
    "no index": (
        [event({**AROUND, "choices": [{"delta": {"content": "Hey"}, "finish_reason": "stop"}]})],
        [choice(message("Hey"))],
    ),
    "a message in place of a delta": (
        [event({**AROUND, "choices": [{"index": 0, "message": message("Hey"), "finish_reason": "stop"}]})],
        [choice(message("Hey"))],
    ),
    "nulls, before a value and after one": (
        [
            event({**AROUND, "choices": [{"index": 0, "delta": {"content": "Hey"}, "a": 1, "b": None, "c": None}]}),
            event({**AROUND, "choices": [{"index": 0, "delta": {"content": None}, "a": None, "b": 2}]}),
            STOP,
        ],
        [choice(message("Hey"), a=1, b=2, c=None)],
    ),
    "content in parts": (
        [
            chunk({"content": [{"type": "text", "text": "He"}]}),
            chunk({"content": [{"type": "text", "text": "y"}]}),
            STOP,
        ],
        [choice({"role": "assistant", "content": [{"type": "text", "text": "He"}, {"type": "text", "text": "y"}]})],
    ),
    "what a vendor adds": (
        [
            chunk({"content": "Hey", "annotations": [{"url": "u"}]}, vendor={"x": 1}),
            chunk({"annotations": [{"url": "v"}]}),
            STOP,
        ],
        [choice(message("Hey", annotations=[{"url": "u"}, {"url": "v"}]))],
    ),
}


@pytest.mark.parametrize(("events", "choices"), SAME.values(), ids=SAME.keys())
def test_an_assembled_answer_says_what_an_unstreamed_one_says(events, choices):
    """Choice by choice, with the names and usage around them."""
    life = Life("a", json_client=True).start().head().says(*events, usage(12, 5), DONE).end()
    assert life.answer["choices"] == choices
    around = {key: life.answer[key] for key in ("id", "object", "created", "model", "usage")}
    assert around == {"id": "c-1", "object": "chat.completion", "created": 7, "model": "Up", "usage": counted(12, 5)}
