"""What an upstream says of a request: the caller reads what was wrong, and not a word about where it went."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.script import Life
from tierway_proxy.core.upstream_words import without_secrets

# a sentence, and the pieces of it that must not be told
LEAKY = [
    ("connect to 10.2.3.4:8000 failed", "10.2.3.4", "8000"),
    ("upstream 10.2.3.4 said no.", "10.2.3.4"),
    ("bound to [fd00:12::7]:8000", "fd00", "::7", "8000"),
    ("peer 2001:db8:0:0:0:0:0:1 closed", "2001", "db8"),
    ("peer ::ffff:10.0.0.1 closed", "ffff", "10.0", "0.1"),
    ("peer fe80::1%eth0.", "fe80", "eth0"),
    ("host vllm-7f9c.internal.svc.cluster.local is busy", "vllm", "7f9c", "svc", "cluster"),
    ("vllm.prod.svc: bad image", "vllm", "prod"),
    ("see gpu-7.internal", "gpu-7"),
    ("see printer.local:443, please", "printer", "443"),
    ("worker inference.eu-west.acme refused it", "inference", "acme"),
    ("my_vllm.models.acme.com refused it", "my_vllm", "acme"),
    ("vllm:8000 refused it", "vllm", "8000"),
    ("my_vllm_1:8000 refused it", "my_vllm", "8000"),
    ("localhost:8000 refused it", "localhost", "8000"),
    ("messages.acme.svc.cluster.local refused it", "acme"),
    ("POST https://inner.example:8443/v1/chat?key=1 failed", "inner", "8443", "v1"),
    ("grpc+unix://inner/socket failed", "inner"),
    ("cannot load s3://acme-models/ft", "acme"),
    ("The model `/models/secret-ft-acme` does not take images", "secret-ft", "acme"),
    ("no such file: '/root/.cache/acme/tokenizer.json'", "root", "acme", "tokenizer"),
    ("no such file: ~/acme/x", "acme"),
    ("no such file: ../acme/x", "acme"),
    ("no such file: C:\\acme\\x", "acme"),
    ("Authorization: Basic dXNl is wrong", "dXNl"),
    ("sent Basic dXNlcjpwYXNzd29yZA== with it", "dXNl", "cGFz", "=="),
    ("sent Bearer inner-secret with it", "inner"),
    ('{"authorization": "Token abc"}', "abc"),
    ("Incorrect API key provided: abc.", "abc"),
    ("?api_key=abc&x=1", "abc"),
    ("password=hunter2", "hunter2"),
    ("key sk-abcdefgh is invalid", "abcdefgh"),
    ("key sk_live_4eC39H is invalid", "4eC39H"),
    ("hf_AbCdEfGh has no access", "AbCdEf"),
    ("Rate of org-AbCdEf", "AbCdEf"),
    ("Rate of organization org-abcdefghij", "abcdefghij"),
    ("project proj_A1b2 is archived", "A1b2"),
    ("key-1a2b is unknown", "1a2b"),
    ("request req-0123456789 failed", "0123456789"),
    ("eyJhbGciOi.eyJzdWIi.c2ln is expired", "eyJ", "c2ln"),
    ("token AAAABBBBCCCCDDDDEEEEFFFFGGGGHHHHIIII is unknown", "AAAABBBB"),
    ("id 3f8e9c1d-77aa-4a4e-9d0c-1b2c3d4e5f60 failed", "3f8e", "5f60"),
    ("id a1b2c3d4e5f6a7b8c9d0 failed", "a1b2", "c9d0"),
    ("ask ops@acme.example", "ops", "acme"),
    ("arn:aws:iam::123456789012:role/acme may not", "1234", "acme"),
]

HARMLESS = [
    "max_tokens is too large: 100000. This model supports at most 16384 completion tokens",
    "Invalid 'messages[0].role': 'usr'",
    "messages.0.content: field required",
    "Missing required parameter: 'response_format.json_schema.name'.",
    "Invalid schema for function 'get_weather': 'tools[0].function.parameters.properties.city.type' is no type",
    "tools.0.function.parameters: must be an object",
    "body.messages.0.content.1.image_url.url: field required",
    "body.messages.0.ChatCompletionContentPartTextParam.text: field required",
    "ChatCompletionAssistantMessageParam: extra fields not permitted",
    "$.messages[0].content[1].image_url.url is missing",
    "$.response_format.json_schema.name is missing",
    "/messages/0/content must be a string (#/tools/1/function)",
    "Invalid value for 'chat_template_kwargs.enable_thinking.level'",
    "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens (8000 in the messages).",
    "Please reduce the length of the messages or completion.",
    "prompt is too long: 9000 tokens > 8000 maximum",
    "Expecting ',' delimiter: line 1 column 15 (char 14)",
    "Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) value is supported.",
    "image/png or image/jpeg, and/or a data: address; e.g. at 12:30:45, i.e. 1/2 of 3.11.7",
    "Unexpected </think> or std::bad_alloc in a key-value pair of a user_message",
    "gpt-4o-mini-2024-07-18 does not take audio, max_tokens:4096 neither",
    "the max_completion_tokens_of_all_choices_together parameter is unknown",
    "Basic authentication of an organization is not a secret",
    '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
    "[{'type': 'missing', 'loc': ('body', 'messages', 0, 'content'), 'msg': 'Field required'}]",
    "Ungültig: «x» 😀",
]


@pytest.mark.parametrize(
    ("sentence", "pieces"), [(first, rest) for first, *rest in LEAKY], ids=[row[0] for row in LEAKY]
)
def test_no_word_that_tells_of_the_upstream_reaches_the_caller(sentence, pieces):
    """Not alone, not in quotes or brackets, not next to other punctuation."""
    for wrapped in (sentence, f'"{sentence}"', f"({sentence})", f"bad: {sentence}, sorry", f"x\n{sentence}\ny"):
        told = without_secrets(wrapped)
        assert not [piece for piece in pieces if piece in told], told
        assert "[removed]" in told


@pytest.mark.parametrize("sentence", HARMLESS)
def test_a_sentence_about_the_request_stays_as_it_is(sentence):
    """It is what the caller needs to mend it."""
    assert without_secrets(sentence) == sentence


@pytest.mark.parametrize("member", ["message", "param"])
@pytest.mark.parametrize("status", [400, 422])
def test_a_refusal_says_what_was_wrong_and_not_where(member, status):
    """In the sentence and in the parameter's name."""
    body = {"error": {"message": "bad", member: "messages[0].role of /models/acme at 10.2.3.4:8000"}}
    told = Life("a").start().refuses(status, json.dumps(body).encode()).refusal
    assert (told.message if member == "message" else told.param) == "messages[0].role of [removed] at [removed]"


def test_a_very_long_sentence_is_cut_where_no_half_of_a_key_is_left():
    """Whatever is removed before it."""
    for at in range(3_900, 4_010):
        told = without_secrets("x" * 40 + "A" * (at - 41) + " sk-abcdefghijklmnop")
        assert "abcd" not in told


PIECES = ["a", "a.", "a-", "/a", "::", "1.", "1:", "Aa", "aa_", "[", "a@", "sk-", "://", "\\a", "basic ", "eyJ"]


@pytest.mark.parametrize("piece", PIECES)
def test_no_sentence_takes_long_to_read(piece):
    """An upstream must not be able to hold the proxy up."""
    sentence = (piece * 4_000)[:3_900] + " and " + "x" * 60_000
    began = time.process_time()
    without_secrets(sentence)
    assert time.process_time() - began < 0.05


@given(st.text(max_size=500))
def test_any_text_can_be_said_and_saying_it_again_changes_nothing(text):
    """It is short, and what was removed stays so."""
    told = without_secrets(text)
    assert len(told) <= 400
    assert without_secrets(told) == told or "[removed]" in without_secrets(told)
