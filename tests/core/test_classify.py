"""The class of a request comes from its structure and wording, in any language, and says why."""

# ruff: noqa: RUF001 - signs of other scripts are what some of this is about

import json
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.corpus import load
from tierway_proxy.contract.base import CLASSES
from tierway_proxy.contract.table import Boundaries, Classifier
from tierway_proxy.core.ask import declared
from tierway_proxy.core.classify import classify, examine
from tierway_proxy.core.classify.reasons import TOPICS

KEYS = st.sampled_from(
    [
        *("messages", "role", "content", "type", "text", "tools", "functions", "response_format", "max_tokens"),
        *("image_url", "detail", "tool_calls", "reasoning", "effort", "thinking"),
    ]
)
TEXTS = st.text(st.characters(exclude_categories=())) | st.sampled_from(
    ["user", "assistant", "text", "Shall I?", "yes"]
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=20,
)
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "assistant", "system"]) | ANYTHING},
        optional={"content": TEXTS | st.lists(st.fixed_dictionaries({"text": TEXTS}) | ANYTHING) | ANYTHING},
    )
    | ANYTHING,
    max_size=6,
)
SAMPLES = load()

HARD = (
    "We must move 400 GB of orders from one database to another while three services keep writing (one of them a "
    "script that nobody may touch; the others can be changed).\n\n1. Sums per tenant must hold to the cent at any "
    "moment.\n2. The way back must stay open for 72 hours.\n3. At most 5 minutes of read-only mode (at night).\n\n"
    "Propose the order of steps (with the checks of each), say what happens when any of them is cut in the middle, and "
    "prove that the comparison you use reports no false differences while writes go on; name what you cannot prove."
)
PLAN = (
    "Here is what I would do:\n\n1. Capture changes from the log, because only that sees the script.\n2. Fill the new "
    "tables in ranges, each with a checksum (per tenant and day).\n3. Compare under a fence of log positions.\n4. "
    "Switch reads, then writes; keep the reverse feed for 72 hours.\n\nShall I work it out in detail?"
)


def ask(body, **options):
    return classify(body, examine(body), Classifier(**options))


def chat(*turns, **fields):
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[at % 2], "content": text} for at, text in enumerate(turns)], **fields}


def rank(asked):
    return CLASSES.index(asked.klass)


def with_last(request, change):
    """The request with its last user text changed."""
    changed = json.loads(json.dumps(request))
    message = next(each for each in reversed(changed["messages"]) if each["role"] == "user")
    if isinstance(message["content"], str):
        message["content"] = change(message["content"])
    else:
        part = next(each for each in message["content"] if each["type"] == "text")
        part["text"] = change(part["text"])
    return changed


def same_class(change):
    """The share of the demo's requests whose class stays when the last user text is changed."""
    kept = [
        ask(with_last(sample.request, change)).klass == klass for sample, klass in zip(SAMPLES, found(), strict=True)
    ]
    return sum(kept) / len(kept)


@cache
def found():
    """The class of each of the demo's requests."""
    return [ask(sample.request).klass for sample in SAMPLES]


@given(st.dictionaries(KEYS, ANYTHING, max_size=6), MESSAGES | ANYTHING)
def test_any_json_has_a_class(fields, messages):
    """Nothing raises; probabilities sum to one, confidence is that of the class, and there is a reason."""
    asked = ask({**fields, "messages": messages})
    assert sum(asked.probabilities) == pytest.approx(1)
    assert min(asked.probabilities) >= 0
    assert asked.confidence == asked.probabilities[rank(asked)]
    assert asked.reasons


def test_requests_that_it_was_never_fitted_to_are_classified_as_well_as_the_model_card_says():
    """Written for this project by others than the bank: a change that lowers these figures must say why."""
    hard = [klass for klass, sample in zip(found(), SAMPLES, strict=True) if sample.klass == "Complex"]
    easy = [klass for klass, sample in zip(found(), SAMPLES, strict=True) if sample.klass == "Simple"]
    met = [klass == sample.klass for klass, sample in zip(found(), SAMPLES, strict=True)]
    assert sum(met) / len(met) >= 0.60
    assert hard.count("Simple") / len(hard) <= 0.10
    assert easy.count("Complex") / len(easy) <= 0.10


@pytest.mark.parametrize(
    "yes",
    [
        "yes, do it",
        "Ja, bitte.",
        "sí, adelante",
        "oui, vas-y",
        "はい、お願いします",
        "好的，请继续",
        "हाँ, कर दो",
        "نعم، تفضل",
        "👍",
        "y",
    ],
)
def test_a_short_approval_is_as_hard_as_what_it_approves(yes):
    """Incident 12: "yes, do it" to a hard plan went to the cheapest tier. In any language, and however short."""
    approval = ask(chat(HARD, PLAN, yes))
    assert approval.klass == ask(chat(HARD)).klass == "Complex"
    assert approval.reasons[0] == "a short reply, as hard as what it accepts"


def test_an_approval_is_as_hard_as_the_plan_even_if_the_request_was_short():
    """The plan was the assistant's: the user had asked in a few words only."""
    short = "Our migration worries me."
    assert ask(chat(short)).klass == "Simple"
    assert (
        ask(chat(short, f"{PLAN.removesuffix('Shall I work it out in detail?')}{HARD} Shall I?", "yes")).klass
        == "Complex"
    )


def test_an_approval_is_judged_as_if_its_request_were_asked():
    """Under the same system prompt, to the last digit."""
    system = {"role": "system", "content": "You prove theorems for a journal of mathematics."}
    request, approval = chat(HARD), chat(HARD, "Shall I?", "yes")
    for body in (request, approval):
        body["messages"].insert(0, system)
    assert ask(approval).probabilities == ask(request).probabilities != ask(chat(HARD)).probabilities


def test_a_short_reply_that_is_harder_than_what_it_accepts_is_judged_by_itself():
    """Whoever answers a greeting with a theorem accepts nothing."""
    asked = ask(chat("hi", "Hello! What can I do for you?", "Prove Fermat's last theorem"))
    assert asked.klass == "Complex"
    assert "a short reply, as hard as what it accepts" not in asked.reasons


def test_approvals_in_a_row_still_reach_the_request():
    """Each "go on" is read back to the request that is no short reply itself."""
    assert ask(chat(HARD, "Step 1 is done. Next?", "yes", "Step 2 is done. Next?", "go on")).klass == "Complex"


def test_a_short_question_is_not_an_approval():
    """Who asks back after a hard plan wants an answer to that question, not the plan carried out."""
    question, approval = (ask(chat(HARD, PLAN, reply)).probabilities[2] for reply in ("how long does it take?", "yes"))
    assert question < approval


def test_an_agent_in_the_middle_of_its_work_is_as_hard_as_its_task():
    """A hundred tool calls later the ask is still the user's, not the last answer of a tool."""
    step = [{"role": "assistant", "content": "Next file."}, {"role": "tool", "tool_call_id": "1", "content": "ok"}]
    assert ask({"messages": [{"role": "user", "content": HARD}, *step * 100]}).klass == "Complex"


def test_thanks_for_an_easy_answer_stay_easy():
    """A short reply takes on nothing when there is nothing to take on."""
    assert ask(chat("Are you open on Saturday?", "Yes, from 10 to 14.", "great, thanks!")).klass == "Simple"


def test_a_long_last_turn_stands_by_itself():
    """Only short replies look back: a new request is judged as a new request."""
    new = "Please translate this sentence into German for me: the key is under the third pot on the left."
    assert ask(chat(HARD, PLAN, new)).klass == ask(chat(new)).klass == "Simple"


def test_a_long_system_prompt_hardly_ever_makes_a_request_complex():
    """It is the same for the easy and the hard requests of an application, however long and solemn it is."""
    system = {
        "role": "system",
        "content": "You are the assistant of Example Ltd. Analyse with care, obey policy. " * 20,
    }
    longer = [{**each.request, "messages": [system, *each.request["messages"]]} for each in SAMPLES]
    raised = [ask(body).klass == "Complex" != before for body, before in zip(longer, found(), strict=True)]
    assert sum(raised) / len(raised) <= 0.03


@pytest.mark.parametrize(
    "bait",
    [
        "\n\n(Ticket tags: algorithm, architecture, step by step, analyze, prove, optimize)",
        "\n\nKeywords: distributed consensus, theorem, root cause, multi-step reasoning, refactor",
        "\n\nThink step by step and reason very carefully like an expert.",
        "\n\n(Quick simple question, just a short answer please.)",
        "\nThink step by step, analyze, prove, optimize.",
        " Think step by step: analyze, prove, optimize.",
    ],
)
def test_a_line_of_impressive_words_flips_hardly_any_class(bait):
    """At most one class in ten moves, up or down: such words stood beside easy and hard requests alike."""
    assert same_class(lambda text: text + bait) >= 0.90


@pytest.mark.parametrize(
    "change",
    [
        str.lower,
        str.upper,
        lambda text: f"\n\n{text.replace(' ', '  ')}   \n",
        lambda text: f"{text}\n\nThanks a lot in advance!",
        lambda text: f"Hello! {text}",
    ],
    ids=["lower", "upper", "spaces", "thanks", "greeting"],
)
def test_case_spacing_and_courtesy_flip_hardly_any_class(change):
    """A polite or a shouting customer is served by the same tier."""
    assert same_class(change) >= 0.88


@pytest.mark.parametrize(
    ("easy", "hard"),
    [
        ("Translate to French: {}", "Prove the correctness of this: {}"),
        ("Übersetze ins Englische: {}", "Beweise formal, dass das gilt: {}"),
        ("把下面的话翻译成英文：{}", "请严格证明下面的命题：{}"),
        ("Traduce al inglés: {}", "Diseña una arquitectura para esto y justifica cada decisión: {}"),
    ],
)
def test_what_is_asked_of_the_same_text_decides(easy, hard):
    """Not the topic and not the length: the wording of the task, in several languages."""
    text = "every number of this list is the sum of the two before it"
    assert ask(chat(easy.format(text))).probabilities[2] + 0.1 < ask(chat(hard.format(text))).probabilities[2]


def test_the_middle_of_a_huge_prompt_is_not_read():
    """A megabyte of anything between two ends is classified as any other megabyte between them."""
    head, tail = "Please summarise the following report. " * 100, "\n\nWhat does it say about costs?" * 200
    asks = [ask(chat(head + middle * 100_000 + tail)) for middle in ("plain words ", "f(x) = {1, 2};\n")]
    assert asks[0].probabilities == asks[1].probabilities
    assert asks[0].reasons == asks[1].reasons


def test_presets_move_the_boundaries_and_nothing_else():
    """Thrifty never gives a higher class than Balanced, nor Balanced than Safe; each differs somewhere."""
    presets = ("Thrifty", "Balanced", "Safe")
    ranks = [[rank(ask(sample.request, preset=each)) for sample in SAMPLES] for each in presets]
    assert all(thrifty <= balanced <= safe for thrifty, balanced, safe in zip(*ranks, strict=True))
    assert sum(ranks[0]) < sum(ranks[1]) < sum(ranks[2])
    assert len({ask(SAMPLES[0].request, preset=each).probabilities for each in presets}) == 1


def percent(moderate, complex_):
    return Boundaries(moderate_percent=moderate, complex_percent=complex_)


def test_boundaries_of_a_policy_are_where_its_classes_begin():
    """To the percent, whatever the preset: at its boundary a request is of the class, below it it is not."""
    for sample in SAMPLES:
        for preset in ("Safe", "Thrifty"):
            options = {"preset": preset, "boundaries": percent(63, 57), "on_uncertain": "AsClassified"}
            asked = ask(sample.request, **options)
            simple, _, complex_ = asked.probabilities
            assert (asked.klass == "Complex") == (complex_ >= 0.57)
            assert (asked.klass == "Simple") == (complex_ < 0.57 and 1 - simple < 0.63)


def test_an_uncertain_request_is_promoted_or_left():
    """Just below a boundary `Promote` gives the class beyond it and says so; `AsClassified` does not."""
    promoted = 0
    for sample in SAMPLES:
        left, up = (ask(sample.request, on_uncertain=each) for each in ("AsClassified", "Promote"))
        assert rank(up) >= rank(left)
        assert (rank(up) > rank(left)) == ("near the boundary, so the higher class" in up.reasons)
        promoted += rank(up) > rank(left)
    assert 0 < promoted < len(SAMPLES) / 10


def test_an_explicit_wish_for_reasoning_lifts_a_trivial_request():
    """Who pays for reasoning does not get the cheapest tier."""
    plain = chat("What is the capital of Mongolia?")
    assert ask(plain).klass == "Simple"
    wished = ask({**plain, "reasoning_effort": "high"})
    assert rank(wished) >= CLASSES.index("Moderate")
    assert "it asks for reasoning explicitly" in wished.reasons


def test_a_short_answer_makes_a_request_lighter():
    """Directives count: a label of five tokens wants no premium model."""
    body = chat("Name the sender, the reference number and the deadline that are given in this letter to us.")
    assert ask({**body, "max_tokens": 5}).probabilities[0] > ask(body).probabilities[0]


def test_reasons_are_words_of_ours():
    """No word of the prompt is in them, so they may be logged and sent back in a header."""
    ours = {words for topic in TOPICS for words in topic} | {
        *("worded like harder requests", "worded like easier requests", "nothing in it stands out"),
        *("near the boundary, so the higher class", "a short reply, as hard as what it accepts"),
    }
    for sample in SAMPLES:
        said = ask(sample.request).reasons
        assert set(said) <= ours - {""}
        assert len(set(said)) == len(said)


def test_the_strongest_reason_stands_first():
    """What is said is what weighed: a greeting is short, a proof is worded like one, a tool is a tool."""
    assert "a short request" in ask(chat("hi")).reasons
    assert "worded like harder requests" in ask(chat("Prove that there are infinitely many primes.")).reasons
    assert ask(chat(HARD)).reasons[0] in {"worded like harder requests", "much is asked for at once", "a long request"}


def test_a_declared_class_is_certain_and_keeps_what_was_examined():
    """A class named by a header or a rule is not weighed; the request's needs stay."""
    body = {**chat("hi"), "max_tokens": 7, "tools": [{"type": "function"}]}
    asked = declared(examine(body), "Moderate", "header X-Tierway-Class")
    assert (asked.klass, asked.confidence, asked.probabilities) == ("Moderate", 1.0, (0.0, 1.0, 0.0))
    assert asked.reasons == ("header X-Tierway-Class",)
    assert (asked.output_tokens, asked.needs, asked.tools) == (7, {"Tools"}, True)
