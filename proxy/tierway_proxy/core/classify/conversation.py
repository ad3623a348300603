"""What of a conversation says how hard the next answer is: the ask, what it replies to, and the system prompt.

The ask is the last user turn, however many tool calls came since. A short reply that accepts an offer ("yes, do it") is
as hard as what it accepts, in any language, so the offer and the request before it can be judged in its place
(`Conversation.accepted`). Bounded: of a conversation of any length only the outer parts are opened.
"""

from collections.abc import Mapping
from itertools import islice
from typing import Any, Final, NamedTuple

from tierway_proxy.core.classify.asides import without_asides
from tierway_proxy.core.classify.shape import skeleton, window, words

ACCEPTING_WORDS: Final = 6
"""So many words without a question may accept an offer."""
SHORT_WORDS: Final = 12
"""A turn of so many words may be a reply that says nothing by itself."""
OFFER_WORDS: Final = 60
"""An offer of so many words says what is to be done; of a shorter one the request before it does."""

_TURNS_SEARCHED: Final = 1024
_TURNS_READ: Final = 32
_REQUESTS_READ: Final = 4
_PARTS_READ: Final = 8
_SYSTEM: Final = ("system", "developer")


class Conversation(NamedTuple):
    """Texts, empty where there is none, both ends of long ones.

    `previous` is the user turn before the ask, `answer` the assistant's last turn before it. `turns` counts the user's
    turns (at most 32 messages are looked at), `since` the messages after the ask: an agent at work. `accepted` are the
    texts that the ask accepts by being a short reply to an offer, as hard as the hardest of them.
    """

    ask: str = ""
    previous: str = ""
    answer: str = ""
    system: str = ""
    turns: int = 0
    since: int = 0
    accepted: tuple[str, ...] = ()


def conversation(body: Mapping[str, Any]) -> Conversation:
    """Find the texts; an empty conversation when the messages hold none."""
    messages = body.get("messages")
    if not isinstance(messages, list):
        return Conversation()
    end = _after_last_user(messages)
    turns = _turns(messages[max(0, end - _TURNS_READ) : end])
    if not turns:
        return Conversation(system=_system(messages))
    at = next((index for index, (role, _) in enumerate(turns) if role == "user"), 0)
    ask, before = turns[at][1], turns[at + 1 :]
    asked = [text for role, text in before if role == "user"]
    answers = [text for role, text in before if role == "assistant"]
    return Conversation(
        ask=without_asides(ask),
        previous=asked[0] if asked else "",
        answer=answers[0] if answers else "",
        system=_system(messages),
        turns=1 + len(asked),
        since=len(messages) - end,
        accepted=_accepted(ask, answers[0], asked) if answers else (),
    )


def _accepted(ask: str, offer: str, asked: list[str]) -> tuple[str, ...]:
    reply = skeleton(ask)
    proposal = skeleton(offer)
    if words(reply) > ACCEPTING_WORDS or b"?" in reply or not proposal.endswith(b"?"):
        return ()
    request = _request(asked)
    texts = (request, offer) if words(proposal) >= OFFER_WORDS else (request,)
    return tuple(text for text in texts if text)


def _request(asked: list[str]) -> str:
    """Find the latest request that is no short reply itself, or the longest of them."""
    longest, most = "", -1.0
    for text in asked[:_REQUESTS_READ]:
        size = words(skeleton(text))
        if size > most:
            longest, most = text, size
        if most > SHORT_WORDS:
            break
    return longest


def _turns(messages: list[Any]) -> list[tuple[str, str]]:
    """Give (role, text) of the turns of user and assistant that hold text, from the last backwards."""
    turns = []
    for message in reversed(messages):
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


def _system(messages: list[Any]) -> str:
    return next((_text(each.get("content")) for each in messages[:2] if _speaks_for_system(each)), "")


def _speaks_for_system(message: object) -> bool:
    return isinstance(message, dict) and message.get("role") in _SYSTEM


def _text(content: object) -> str:
    if isinstance(content, str):
        return window(content)
    if not isinstance(content, list):
        return ""
    texts = (
        part.get("text")
        for part in content[:_PARTS_READ] + content[max(_PARTS_READ, len(content) - _PARTS_READ) :]
        if isinstance(part, dict)
    )
    return window("\n".join(window(text) for text in texts if isinstance(text, str)))
