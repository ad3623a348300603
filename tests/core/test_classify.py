"""The class of a request comes from its structure, in any language, and says why."""

# ruff: noqa: RUF001 - signs of other scripts are what some of this is about

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.corpus import load
from tierway_proxy.contract.base import CLASSES
from tierway_proxy.contract.table import Boundaries, Classifier
from tierway_proxy.core.ask import declared
from tierway_proxy.core.classify import classify, examine
from tierway_proxy.core.classify.rules import Circumstances
from tierway_proxy.core.classify.signals import Signals
from tierway_proxy.core.classify.weights import OF_CIRCUMSTANCES, OF_SIGNALS

KEYS = st.sampled_from(["messages", "role", "content", "type", "text", "tools", "response_format", "max_tokens"])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["user", "assistant", "text"]),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=20,
)
FITTED = {"support", "extraction", "rewriting", "code", "analysis", "tools", "legal-finance"}
SAMPLES = [sample for sample in load() if sample.area in FITTED]

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
    kept = [ask(with_last(sample.request, change)).klass == ask(sample.request).klass for sample in SAMPLES]
    return sum(kept) / len(kept)


@given(st.dictionaries(KEYS, ANYTHING, max_size=6))
def test_any_json_has_a_class(body):
    """Nothing raises; probabilities sum to one, confidence is that of the class, and there is a reason."""
    asked = ask(body)
    assert sum(asked.probabilities) == pytest.approx(1)
    assert min(asked.probabilities) >= 0
    assert asked.confidence == asked.probabilities[rank(asked)]
    assert asked.reasons


def test_the_labels_of_the_demo_are_met_as_often_as_before():
    """Measured, not wished for: a change that lowers these figures must say why."""
    met = [ask(sample.request).klass == sample.klass for sample in SAMPLES]
    hard = [sample for sample in SAMPLES if sample.klass == "Complex"]
    easy = [sample for sample in SAMPLES if sample.klass == "Simple"]
    assert sum(met) / len(met) >= 0.85
    assert sum(ask(sample.request).klass == "Complex" for sample in hard) / len(hard) >= 0.92
    assert sum(ask(sample.request).klass == "Simple" for sample in easy) / len(easy) >= 0.94


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
    assert approval.reasons[0] == "a short reply, as hard as what it replies to"


def test_an_approval_is_as_hard_as_the_plan_even_if_the_request_was_short():
    """The plan was the assistant's: the user had asked in a few words only."""
    short = "Our migration worries me."
    assert ask(chat(short)).klass == "Simple"
    assert (
        ask(chat(short, f"{PLAN.removesuffix('Shall I work it out in detail?')}{HARD} Shall I?", "yes")).klass
        == "Complex"
    )


def test_approvals_in_a_row_still_reach_the_request():
    """Each "go on" is read back to the request that is no short reply itself."""
    assert ask(chat(HARD, "Step 1 is done. Next?", "yes", "Step 2 is done. Next?", "go on")).klass == "Complex"


def test_a_short_question_takes_on_only_half():
    """A question of its own is lighter than an approval of the whole, and heavier than the question alone."""
    alone, question, approval = (
        ask(body).probabilities[2]
        for body in (
            chat("how long does it take?"),
            chat(HARD, PLAN, "how long does it take?"),
            chat(HARD, PLAN, "yes"),
        )
    )
    assert alone < question < approval


def test_an_agent_in_the_middle_of_its_work_is_as_hard_as_its_task():
    """A hundred tool calls later the ask is still the user's, not the last answer of a tool."""
    step = [{"role": "assistant", "content": "Next file."}, {"role": "tool", "tool_call_id": "1", "content": "ok"}]
    body = {"messages": [{"role": "user", "content": HARD}, *step * 100]}
    assert ask(body).probabilities[2] == pytest.approx(ask({**chat(HARD), "tools": []}).probabilities[2])


def test_thanks_for_an_easy_answer_stay_easy():
    """A short reply takes on nothing when there is nothing to take on."""
    assert ask(chat("Are you open on Saturday?", "Yes, from 10 to 14.", "great, thanks!")).klass == "Simple"


def test_a_long_last_turn_stands_by_itself():
    """Only short replies look back: a new request is judged as a new request."""
    new = "Please translate this sentence into German for me: the key is under the third pot on the left."
    assert ask(chat(HARD, PLAN, new)).probabilities == ask(chat(new)).probabilities


def test_a_system_prompt_does_not_change_the_class():
    """It is the same for the easy and the hard requests of an application, however long and solemn it is."""
    system = {"role": "system", "content": f"{HARD}\n\n" * 20}
    for sample in SAMPLES:
        longer = {**sample.request, "messages": [system, *sample.request["messages"]]}
        assert ask(longer).probabilities == ask(sample.request).probabilities


@pytest.mark.parametrize(
    "bait",
    [
        "\n\n(Ticket tags: algorithm, architecture, step by step, analyze, prove, optimize)",
        "\n\nKeywords: distributed consensus, theorem, root cause, multi-step reasoning, refactor",
        "\n\nThink step by step and reason very carefully like an expert.",
        "\n\n(Quick simple question, just a short answer please.)",
        "\n\n请一步一步仔细分析，证明每一步。",
        "\nThink step by step, analyze, prove, optimize.",
        " Think step by step: analyze, prove, optimize.",
    ],
)
def test_a_line_of_impressive_words_flips_hardly_any_class(bait):
    """At most one class in ten moves, up or down: words are not what is looked at."""
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
    assert same_class(change) >= 0.93


def test_other_words_of_the_same_structure_are_the_same_request():
    """Every letter replaced by another: the same probabilities and the same reasons."""
    letters = str.maketrans(string.ascii_letters, string.ascii_letters[9:26] + string.ascii_letters[:9] + "x" * 26)
    for sample in SAMPLES:
        other = with_last(sample.request, lambda text: text.translate(letters))
        assert ask(other).probabilities == ask(sample.request).probabilities
        assert ask(other).reasons == ask(sample.request).reasons


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


def test_an_uncertain_request_is_promoted_by_one_class_or_left():
    """Just below a boundary `Promote` gives the higher class and says so; `AsClassified` does not."""
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


def test_a_short_answer_or_a_schema_to_fill_makes_a_request_lighter():
    """Directives count: a label of five tokens, or fields of a schema, want no premium model."""
    body = chat("Name the sender, the reference number and the deadline that are given in this letter to us.")
    schema = {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}}
    assert ask({**body, "max_tokens": 5}).probabilities[0] > ask(body).probabilities[0]
    assert ask({**body, **schema}).probabilities[0] > ask(body).probabilities[0]


def test_reasons_are_words_of_ours_the_strongest_first():
    """No word of the prompt is in them, so they may be logged and sent back in a header."""
    known = {weight.words for weight in (*OF_SIGNALS.values(), *OF_CIRCUMSTANCES.values())}
    reasons = ask(chat(HARD)).reasons
    assert set(reasons) <= known
    assert "qualified in brackets" in reasons
    assert ask(chat("hi")).reasons[0] == "only a few words"


def test_every_signal_has_its_weight_at_its_own_place():
    """Weights are multiplied by position: a name out of order would be judged by another's weight."""
    assert tuple(OF_SIGNALS) == Signals._fields
    assert tuple(OF_CIRCUMSTANCES) == Circumstances._fields


def test_a_declared_class_is_certain_and_keeps_what_was_examined():
    """A class named by a header or a rule is not weighed; the request's needs stay."""
    body = {**chat("hi"), "max_tokens": 7, "tools": [{"type": "function"}]}
    asked = declared(examine(body), "Moderate", "header X-Tierway-Class")
    assert (asked.klass, asked.confidence, asked.probabilities) == ("Moderate", 1.0, (0.0, 1.0, 0.0))
    assert asked.reasons == ("header X-Tierway-Class",)
    assert (asked.output_tokens, asked.needs, asked.tools) == (7, {"Tools"}, True)
