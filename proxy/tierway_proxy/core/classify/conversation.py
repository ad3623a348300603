"""Which words of a conversation are the ask: the last user turn, and what it takes on when it is only a short reply.

"Yes, do it" is as hard as the plan it approves, in any language, so a very short turn after an assistant's is read
together with the proposal and the request before it. System prompts are not read: they are the same for the easy and
the hard requests of an application.
"""

from collections.abc import Mapping
from itertools import islice
from typing import Any, Final, NamedTuple

from tierway_proxy.core.classify.shape import skeleton, window, words

APPROVAL_WORDS: Final = 6
"""A reply of so many words without a question takes on the full difficulty of what it replies to."""
FOLLOW_UP_WORDS: Final = 12
"""A reply of so many words, or a shorter one that asks something, takes on half of it."""
PROPOSAL_WORDS: Final = 60

_TURNS_SEARCHED: Final = 1024
_TURNS_READ: Final = 32
_REQUESTS_READ: Final = 4
_PARTS_READ: Final = 8


class Asked(NamedTuple):
    """Skeletons of the ask itself and of the request and the proposal that it replies to, and its share in those.

    The share is 0 for an ask that stands by itself, 1 for one that adds nothing.
    """

    ask: bytes
    request: bytes = b""
    proposal: bytes = b""
    share: float = 0.0


def asked(body: Mapping[str, Any]) -> Asked:
    """Find the ask; an empty one when the messages hold no text."""
    turns = _turns(body.get("messages"))
    at = next((index for index, (role, _) in enumerate(turns) if role == "user"), 0)
    ask = skeleton(turns[at][1]) if turns else b""
    before = turns[at + 1 :]
    size = words(ask)
    if size > FOLLOW_UP_WORDS or not any(role == "assistant" for role, _ in before):
        return Asked(ask)
    approves = size <= APPROVAL_WORDS and b"?" not in ask
    return Asked(ask, _request(before), _proposal(before), 1.0 if approves else 0.5)


def _request(before: list[tuple[str, str]]) -> bytes:
    """Find the latest request that is no short reply itself, or the longest of them."""
    request = b""
    for text in [text for role, text in before if role == "user"][:_REQUESTS_READ]:
        request = max(request, skeleton(text), key=words)
        if words(request) > FOLLOW_UP_WORDS:
            break
    return request


def _proposal(before: list[tuple[str, str]]) -> bytes:
    """Give the assistant's last turn if it ends in a question and is long enough to propose something."""
    answer = skeleton(next(text for role, text in before if role == "assistant"))
    return answer if answer.endswith(b"?") and words(answer) >= PROPOSAL_WORDS else b""


def _turns(messages: object) -> list[tuple[str, str]]:
    """Give (role, text) of the last turns of user and assistant that hold text, from the last user turn backwards."""
    if not isinstance(messages, list):
        return []
    turns = []
    end = _after_last_user(messages)
    for message in reversed(messages[max(0, end - _TURNS_READ) : end]):
        if isinstance(message, dict) and message.get("role") in ("user", "assistant"):
            text = _text(message.get("content"))
            if text:
                turns.append((message["role"], text))
    return turns


def _after_last_user(messages: list[Any]) -> int:
    """Find where the last user turn ends; an agent may have called its tools hundreds of times since."""
    count = len(messages)
    for back, message in enumerate(islice(reversed(messages), _TURNS_SEARCHED)):
        if isinstance(message, dict) and message.get("role") == "user":
            return count - back
    return count


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    texts = (
        part.get("text")
        for part in content[:_PARTS_READ] + content[_PARTS_READ:][-_PARTS_READ:]
        if isinstance(part, dict)
    )
    return "\n".join(window(text) for text in texts if isinstance(text, str))
