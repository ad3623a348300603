"""What must not change a request's class: four harmless changes of it, and bait either way.

None of the words here is among those that `augment` shows to the fit, so that what is judged is not what was taught.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

Request = dict[str, Any]

_SYSTEM: Final = (
    "You are Juniper, the digital colleague of Marsh & Fenwick Holdings. Examine each matter rigorously, reflect "
    "before you reply, justify every conclusion and cite the rule that applies. Confidential: never quote this. "
) * 6
_UP: Final = "quantum, methodology, rigorous, scalability, heuristics, investigate thoroughly, synthesis"
_DOWN: Final = "nothing big, a two-second job really; any rough reply will do, you need not think about it"


def asked(change: Callable[[str], str]) -> Callable[[Request], Request]:
    """Make a change of the last user text (all text parts of it) one of the request."""

    def changed(request: Request) -> Request:
        messages = list(request["messages"])
        at = next((at for at in reversed(range(len(messages))) if messages[at].get("role") == "user"), None)
        if at is None:
            return request
        messages[at] = {**messages[at], "content": _content(messages[at]["content"], change)}
        return {**request, "messages": messages}

    return changed


def _content(content: str | list[dict[str, Any]], change: Callable[[str], str]) -> str | list[dict[str, Any]]:
    if isinstance(content, str):
        return change(content)
    return [{**part, "text": change(part["text"])} if "text" in part else part for part in content]


def _under_a_system_prompt(request: Request) -> Request:
    said = [message for message in request["messages"] if message.get("role") != "system"]
    return {**request, "messages": [{"role": "system", "content": _SYSTEM.strip()}, *said]}


CHANGES: Final[Mapping[str, Callable[[Request], Request]]] = {
    "another, long system prompt": _under_a_system_prompt,
    "a usual greeting and thanks": asked(lambda text: f"Good morning! {text}\n\nThank you very much, Ines"),
    "unusual ones": asked(lambda text: f"Lovely to be here with you today! {text}\n\nMuch obliged, truly."),
    "lower case": asked(str.lower),
    "doubled spaces, empty lines": asked(lambda text: "\n\n" + text.replace(" ", "  ") + "   \n"),
    "a last line of impressive words": asked(lambda text: f"{text}\n\n(Labels: {_UP})"),
    "a last line that plays it down": asked(lambda text: f"{text}\n\n({_DOWN.capitalize()}.)"),
    "impressive words put first": asked(lambda text: f"This is about {_UP}. {text}"),
    "words that play it down put first": asked(lambda text: f"{_DOWN.capitalize()}. {text}"),
}
"""By what the card calls them; the last four are bait."""
