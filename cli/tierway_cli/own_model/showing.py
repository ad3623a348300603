"""A prompt as a person labels it: what is asked in full as far as it fits, what stands around it in brief.

Prompts come from strangers, so nothing in them can move the cursor, change colours or write to the clipboard.
"""

from collections.abc import Mapping
from typing import Any, Final

LINES: Final = 30
WIDTH: Final = 1500
"""Characters of what is asked, half from each end."""
BRIEF: Final = 240
"""Of each earlier turn."""
TURNS: Final = 4
"""So many turns before the last are shown."""


def shown(body: Mapping[str, Any]) -> str:
    """Write a chat-completions body for the terminal."""
    messages = [each for each in _list(body.get("messages")) if isinstance(each, dict)]
    asks = [at for at, each in enumerate(messages) if each.get("role") == "user"]
    last = asks[-1] if asks else len(messages) - 1
    parts = [f"{_role(each)}: {_brief(_text(each))}" for each in messages[:last][:1] + messages[1:last][-TURNS:]]
    parts += [_asked(_text(messages[last]))] if messages else []
    parts += [f"{_role(each)}: {_brief(_text(each))}" for each in messages[last + 1 :][-TURNS:]]
    tools = [*_list(body.get("tools")), *_list(body.get("functions"))]
    return "\n".join([*parts, *([f"[{len(tools)} tools]"] if tools else [])])


def _asked(text: str) -> str:
    if len(text) > WIDTH:
        text = f"{text[: WIDTH // 2]}\n[… {len(text) - WIDTH} characters …]\n{text[-WIDTH // 2 :]}"
    lines = text.split("\n")
    if len(lines) > LINES:
        lines = [*lines[: LINES // 2], f"[… {len(lines) - LINES} lines …]", *lines[-LINES // 2 :]]
    return "\n".join(lines)


def _brief(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= BRIEF else f"{line[:BRIEF]}…"


def _role(message: Mapping[str, Any]) -> str:
    return f"[{_plain(str(message.get('role')))[:20]}]"


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return _plain(content)
    parts = [each for each in _list(content) if isinstance(each, dict)]
    return _plain("\n".join(str(each.get("text") or f"[{each.get('type')}]") for each in parts))


def _plain(text: str) -> str:
    return "".join(each if each.isprintable() or each == "\n" else " " for each in text)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
