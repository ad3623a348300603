"""Of a conversation the classifier reads the ask, what it replies to and the system prompt, whatever stands between."""

import pytest

from tierway_proxy.core.classify.conversation import ACCEPTING_WORDS, OFFER_WORDS, SHORT_WORDS, conversation

ROLES = ("user", "assistant")
REQUEST = "word " * (SHORT_WORDS + 1)


def chat(*texts):
    return {"messages": [{"role": ROLES[at % 2], "content": text} for at, text in enumerate(texts)]}


def said(role, content):
    return {"role": role, "content": content}


def test_the_ask_is_the_last_user_turn_beside_the_turns_before_it():
    """Each text has its place, however many tools were called since."""
    tools = [said("assistant", "Looking."), said("tool", "3 files")] * 2
    found = conversation({"messages": [*chat("First?", "Answer.", "Second?")["messages"], *tools]})
    assert (found.previous, found.answer, found.ask) == ("First?", "Answer.", "Second?")
    assert (found.turns, found.since) == (2, 4)


@pytest.mark.parametrize("role", ["system", "developer"])
@pytest.mark.parametrize("place", [0, 1])
def test_the_system_prompt_is_one_of_the_first_two_messages(role, place):
    """Some clients put one of their own before it."""
    messages = [said("user", "Hi")]
    messages.insert(place, said(role, "Be brief."))
    assert conversation({"messages": messages}).system == "Be brief."
    assert conversation({"messages": [said("user", "Hi")] * 2 + [said(role, "Be brief.")]}).system == ""


def test_a_body_with_a_system_prompt_alone_has_that():
    """It asks nothing, and is no failure."""
    found = conversation({"messages": [said("system", "Be brief.")]})
    assert (found.ask, found.system, found.turns) == ("", "Be brief.", 0)


@pytest.mark.parametrize("words", [ACCEPTING_WORDS, ACCEPTING_WORDS + 1])
def test_a_reply_of_a_few_words_may_accept_an_offer(words):
    """To the word: a longer one says for itself what is to be done."""
    accepted = conversation(chat(REQUEST, "Shall I?", "go " * words)).accepted
    assert accepted == ((REQUEST,) if words == ACCEPTING_WORDS else ())


@pytest.mark.parametrize(
    ("answer", "reply"), [("I did it.", "yes"), ("Shall I? Tell me.", "yes"), ("Shall I?", "what for?")]
)
def test_nothing_is_accepted_where_nothing_was_offered_or_a_question_comes_back(answer, reply):
    """An offer ends in a question, and what accepts it holds none."""
    assert conversation(chat(REQUEST, answer, reply)).accepted == ()


@pytest.mark.parametrize("words", [OFFER_WORDS - 1, OFFER_WORDS])
def test_a_long_offer_says_itself_what_is_accepted(words):
    """To the word: a shorter one leaves that to the request before it."""
    offer = ("plan " * words).strip() + "?"
    accepted = conversation(chat(REQUEST, offer, "yes")).accepted
    assert accepted == ((REQUEST, offer) if words == OFFER_WORDS else (REQUEST,))


def test_the_latest_request_that_is_no_short_reply_is_accepted():
    """Not an older and longer one, and the longest of them where all are short."""
    older = "older " * 90
    assert conversation(chat(older, "Done.", REQUEST, "Shall I?", "yes")).accepted == (REQUEST,)
    short = "short " * SHORT_WORDS
    assert conversation(chat(older, "Done.", short, "Next?", "yes")).accepted == (older,)
    assert conversation(chat("a b c", "Done.", "a", "Next?", "yes")).accepted == ("a b c",)


def test_the_first_and_the_last_parts_of_a_message_are_read():
    """None of them twice, and no further ones."""
    for count, read in ((1, [0]), (9, [*range(9)]), (16, [*range(16)]), (40, [*range(8), *range(32, 40)])):
        parts = [{"type": "text", "text": f"part{number}"} for number in range(count)]
        assert conversation({"messages": [said("user", parts)]}).ask == "\n".join(f"part{each}" for each in read)


def test_only_the_last_messages_before_the_ask_are_opened():
    """Of a conversation of any length so many turns are counted at most."""
    assert conversation(chat(*["text"] * 31)).turns == 16
    assert conversation(chat(*["text"] * 3001)).turns == 16
