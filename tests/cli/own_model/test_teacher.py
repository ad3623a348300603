"""A premium model labels instead of a person: what it is asked, and what becomes of answers that are none."""

import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.cli.own_model.application import prompt, texts, write_lines
from tierway_cli.__main__ import main
from tierway_cli.own_model import teacher as teaching
from tierway_cli.own_model.errors import BadInputError
from tierway_cli.own_model.teacher import AT_ONCE, Endpoint, ask, word_in
from tierway_cli.provider import Provider

PROMPTS = [prompt(text) for _, text in texts(12)]
WORDS = {"Where": "Simple", "Write": "**Moderate**.", "Derive": "complex"}


class Teacher:
    """Answers with the class that a text's first word shows; `refuse` and `lose` are statuses of the first answers."""

    def __init__(self, statuses=()):
        self.statuses, self.asked, self.now, self.most = list(statuses), [], 0, 0

    async def answer(self, request):
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0)
        self.now -= 1
        if self.statuses:
            return web.json_response({"error": {"message": "no such key"}}, status=self.statuses.pop(0))
        body = await request.json()
        self.asked.append((request.headers.get("Authorization"), body))
        text = body["messages"][-1]["content"]
        word = next(WORDS[first] for first in WORDS if first in text)
        return web.json_response({"choices": [{"message": {"role": "assistant", "content": word}}]})


@pytest.fixture
async def serving():
    servers = []

    async def serve(teacher):
        app = web.Application()
        app.router.add_post("/v1/chat/completions", teacher.answer)
        server = TestServer(app)
        await server.start_server()
        servers.append(server)
        return str(server.make_url("/v1"))

    yield serve
    for server in servers:
        await server.close()


async def test_one_word_answers_become_labels(serving):
    """Case and marks around them aside; with the key, at zero temperature, a few at once."""
    teacher = Teacher()
    told = await ask(Endpoint(await serving(teacher), "gpt-5", "sk-1"), PROMPTS)
    assert told.classes == {prompt(text).id: klass for klass, text in texts(12)}
    assert (told.unusable, told.failed) == (0, 0)
    key, body = teacher.asked[0]
    assert key == "Bearer sk-1"
    assert (body["model"], body["temperature"]) == ("gpt-5", 0)
    assert "Answer with one word" in body["messages"][0]["content"]
    assert teacher.most <= AT_ONCE


async def test_a_busy_endpoint_is_asked_again(serving):
    """429 and 5xx are no answers; after three of them a prompt is given up."""
    told = await ask(Endpoint(await serving(Teacher([429, 503])), "gpt-5", None), PROMPTS[:1], pause_seconds=0)
    assert len(told.classes) == 1
    told = await ask(Endpoint(await serving(Teacher([500] * 3)), "gpt-5", None), PROMPTS[:1], pause_seconds=0)
    assert (told.classes, told.failed) == ({}, 1)


async def test_a_refusal_ends_it_with_what_the_endpoint_said(serving):
    """A wrong key is wrong for every prompt."""
    endpoint = Endpoint(await serving(Teacher([401] * 12)), "gpt-5", "sk-1")
    with pytest.raises(BadInputError, match=r"refused with 401: .*no such key"):
        await ask(endpoint, PROMPTS)


@pytest.mark.parametrize(
    ("answer", "klass"),
    [
        ("Simple", "Simple"),
        (" `COMPLEX`\n", "Complex"),
        ("moderate.", "Moderate"),
        ("Simple or Moderate", None),
        ("It is Complex", None),
        ("hard", None),
        ("", None),
    ],
)
def test_only_one_of_the_three_words_is_an_answer(answer, klass):
    """Whatever else is said is not guessed at."""
    assert word_in(answer) == klass


async def test_a_model_that_answers_in_sentences_gives_no_label_and_it_says_so(tmp_path, monkeypatch, capsys):
    """The simulator of providers does: asked about all prompts, all its answers are unusable."""
    write_lines(tmp_path / "p.jsonl", [text for _, text in texts(12)])
    monkeypatch.setenv("KEY", "sk-test")
    async with Provider(seed=1, speed=1000).serving() as provider:
        arguments = ["label", str(tmp_path / "p.jsonl"), "-o", str(tmp_path / "l.jsonl"), "--from-model", "Qwen3-8B"]
        arguments += ["--base-url", provider.url, "--api-key-env", "KEY"]
        assert await asyncio.to_thread(main, arguments) == 0
    printed = capsys.readouterr().out
    assert "Qwen3-8B was asked about 12 prompts: 12 answers were none of the three words," in printed
    assert "0 labels are in" in printed


async def test_a_model_labels_what_teaches_most_up_to_a_count(serving, tmp_path, capsys):
    """Into the same file of labels as a person."""
    write_lines(tmp_path / "p.jsonl", [text for _, text in texts(60)])
    url = await serving(Teacher())
    arguments = ["label", str(tmp_path / "p.jsonl"), "-o", str(tmp_path / "l.jsonl"), "--from-model", "gpt-5"]
    assert await asyncio.to_thread(main, [*arguments, "--base-url", url, "--until", "24"]) == 0
    printed = capsys.readouterr().out
    assert "24 labels are in" in printed
    assert "macro-F1" in printed
    assert len((tmp_path / "l.jsonl").read_text().splitlines()) == 24


async def test_an_endpoint_that_answers_no_more_ends_it_and_what_it_said_is_kept(
    serving, tmp_path, capsys, monkeypatch
):
    """After two rounds of four, not after the whole pool."""
    monkeypatch.setattr(teaching, "PAUSE_SECONDS", 0)
    write_lines(tmp_path / "p.jsonl", [text for _, text in texts(60)])
    teacher = Teacher()
    url = await serving(teacher)
    arguments = ["label", str(tmp_path / "p.jsonl"), "-o", str(tmp_path / "l.jsonl"), "--from-model", "gpt-5"]
    assert await asyncio.to_thread(main, [*arguments, "--base-url", url, "--until", "12"]) == 0
    teacher.statuses = [503] * 1000
    assert await asyncio.to_thread(main, [*arguments, "--base-url", url, "--until", "24"]) == 1
    assert capsys.readouterr().err == f"Error: {url} gave no answer to the last 8 requests.\n"
    assert len((tmp_path / "l.jsonl").read_text().splitlines()) == 12
    assert len(teacher.statuses) == 1000 - 2 * AT_ONCE * 3


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ((), "--from-model needs --base-url, the OpenAI-compatible endpoint to ask, such as https://…/v1."),
        (
            ("--base-url", "http://127.0.0.1:9/v1", "--api-key-env", "NO_SUCH_KEY"),
            "--api-key-env NO_SUCH_KEY: there is no such environment variable, or it is empty.",
        ),
    ],
)
def test_what_is_missing_is_named(tmp_path, capsys, flags, sentence):
    """Before anything is sent anywhere."""
    write_lines(tmp_path / "p.jsonl", [text for _, text in texts(3)])
    arguments = ["label", str(tmp_path / "p.jsonl"), "-o", str(tmp_path / "l.jsonl"), "--from-model", "gpt-5", *flags]
    assert main(arguments) == 1
    assert capsys.readouterr().err == f"Error: {sentence}\n"
