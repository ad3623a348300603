"""Requests that the tests send, and what they read of the answers."""

HELLO = [{"role": "user", "content": "Are you open on Mon?"}]
ASK = {"model": "auto", "messages": HELLO}
STREAM = {**ASK, "stream": True}
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city"],
        },
    },
}


def user(text):
    return [{"role": "user", "content": text}]


async def collect(stream):
    return [chunk async for chunk in stream]


def text_of(chunks):
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def error_of(reply):
    """The error of a raw reply, seen to be OpenAI-shaped: what SDKs need to show a sentence."""
    error = reply.json["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    assert error["type"]
    return error


async def answer(client, *, stream=False, **ask):
    """The text of an answer, whichever way it comes, and the proxy's headers."""
    raw = await client.chat.completions.with_raw_response.create(**ASK, stream=stream, **ask)
    parsed = raw.parse()
    text = text_of(await collect(parsed)) if stream else parsed.choices[0].message.content
    return text, raw.headers
