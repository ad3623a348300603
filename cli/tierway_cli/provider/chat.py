"""What a chat completion request must look like to be served; anything else in it is accepted and ignored.

Strict about types as the real API is ("5" is no integer), deaf to fields that it does not know, as most servers are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Json = dict[str, Any]
_READ = 4000

Positive = Annotated[int, Field(ge=1)]


class BadRequestError(Exception):
    """A request that blames its sender; ``param`` names the field at fault when there is one."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.message, self.param = message, param


class Function(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")  # what we do not know counts as prompt all the same

    name: str
    parameters: Json | None = None


class Tool(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")

    type: str
    function: Function


class StreamOptions(BaseModel):
    model_config = ConfigDict(strict=True)

    include_usage: bool | None = None


class ChatRequest(BaseModel):
    """The fields that change what is answered."""

    model_config = ConfigDict(strict=True)

    model: str
    messages: Annotated[list[Json], Field(min_length=1)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Annotated[int, Field(ge=1, le=128)] | None = None
    max_tokens: Positive | None = None
    max_completion_tokens: Positive | None = None
    tools: list[Tool] | None = None
    tool_choice: str | Json | None = None
    parallel_tool_calls: bool | None = None
    response_format: Json | None = None
    reasoning_effort: str | None = None

    @property
    def limit(self) -> int | None:
        """The output limit in tokens, whichever of the two parameters carries it."""
        return self.max_completion_tokens or self.max_tokens

    @property
    def wants_usage(self) -> bool:
        return bool(self.stream_options and self.stream_options.include_usage)

    @property
    def wants_reasoning(self) -> bool:
        return self.reasoning_effort not in (None, "none", "minimal")

    @property
    def last_user_text(self) -> str:
        """The end of the newest message that a user wrote, 4000 characters at most; empty when there is none."""
        users = [message for message in self.messages if message.get("role") == "user"]
        return "\n".join(texts(users[-1]))[-_READ:] if users else ""


def texts(message: Json) -> Iterator[str]:
    """Yield every text of one message: its content, the text parts of it, and the tool calls that it repeats."""
    content = message.get("content")
    if isinstance(content, str):
        yield content
    for part in content if isinstance(content, list) else ():
        if isinstance(part, dict) and isinstance(part.get("text"), str):
            yield part["text"]
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict):
            yield from (value for value in function.values() if isinstance(value, str))


def parse(body: object) -> ChatRequest:
    """Read a decoded body; raise :exc:`BadRequestError` about the first field that is wrong."""
    if not isinstance(body, dict):
        raise BadRequestError("The body must be a JSON object.")
    try:
        request = ChatRequest.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        param = ".".join(str(part) for part in first["loc"])
        raise BadRequestError(f"Invalid '{param}': {first['msg']}.", param) from None
    _check_tool_choice(request)
    return request


def _check_tool_choice(request: ChatRequest) -> None:
    if isinstance(request.tool_choice, str) or request.tool_choice is None:
        if request.tool_choice in (None, "none", "auto", "required"):
            return
        raise BadRequestError("Invalid 'tool_choice': none, auto, required or a function.", "tool_choice")
    function = request.tool_choice.get("function")
    name = function.get("name") if isinstance(function, dict) else None
    if name not in {tool.function.name for tool in request.tools or ()}:
        raise BadRequestError(f"Invalid 'tool_choice': {name!r} is not among the tools.", "tool_choice")
