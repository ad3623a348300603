"""Output limits: what is sent, what the caller can learn of it, and what becomes of an upstream that ignores it."""

import json

import pytest

from tests.core.planning import decided
from tests.core.script import CLOSE, FINISH, Life
from tests.core.tables import catalog, model, price
from tests.core.wire import DONE, ROLE, chunk, counted, text, usage
from tierway_proxy.contract.table import Choice, Route
from tierway_proxy.core.health import Health
from tierway_proxy.core.plan import Plan, decide
from tierway_proxy.core.refusal import Refusal

WANTS_USAGE = {"stream_options": {"include_usage": True}}


def limited(tokens, *tiers):
    """Routes whose Simple class allows so many output tokens."""
    return {"Simple": Route(candidates=tuple(Choice(tier=f"llm/{each}") for each in tiers), max_output_tokens=tokens)}


def asking(ask=None, *, model_limit=None, class_limit=None, parameter="max_tokens", **options):
    given = model("a", max_output_tokens=model_limit, provider={"output_limit_parameter": parameter})
    return Life(given, ask=ask, routes=limited(class_limit, "a"), **options).start()


CASES = {
    "nothing asked, nothing set": ({}, None, None, None),
    "the class's is added": ({}, None, 50, 50),
    "the model's is added": ({}, 40, None, 40),
    "the lower of both is added": ({}, 40, 50, 40),
    "what was asked stands below": ({"max_tokens": 30}, 40, 50, 30),
    "what was asked is clamped": ({"max_tokens": 99}, 40, 50, 40),
    "a null is nothing asked": ({"max_tokens": None}, None, 50, 50),
}


@pytest.mark.parametrize(("ask", "of_model", "of_class", "sent"), CASES.values(), ids=CASES.keys())
def test_the_limit_that_is_sent_is_the_lowest(ask, of_model, of_class, sent):
    """Of the request's, the class's and the model's."""
    life = asking(ask, model_limit=of_model, class_limit=of_class)
    assert life.sent.get("max_tokens") == sent
    assert life.exchange.attempts[0].output_limit == sent


def test_a_limit_of_ours_leaves_room_for_the_question():
    """A model may answer as long as its whole window: what we add must not make an upstream refuse the request."""
    life = Life(model("a", window=100, max_output_tokens=100)).start().head().answers("Hello")
    assert life.sent["max_tokens"] == 100 - life.settled.input_tokens < 100


def test_a_request_without_a_limit_is_sent_none_of_ours():
    """No parameter is added where nothing is limited."""
    assert "max_tokens" not in asking().sent


def test_the_limit_goes_by_the_name_that_the_provider_knows():
    """Renamed where the client used the other one."""
    life = asking({"max_tokens": 30}, parameter="max_completion_tokens")
    assert (life.sent.get("max_completion_tokens"), "max_tokens" in life.sent) == (30, False)
    life = asking({"max_completion_tokens": 99}, class_limit=50)
    assert (life.sent.get("max_tokens"), "max_completion_tokens" in life.sent) == (50, False)
    assert asking(class_limit=50, parameter="max_completion_tokens").sent["max_completion_tokens"] == 50


def test_both_names_at_once_are_both_clamped():
    """A client may send both; neither is dropped."""
    life = asking({"max_tokens": 99, "max_completion_tokens": 20}, class_limit=50)
    assert (life.sent["max_tokens"], life.sent["max_completion_tokens"]) == (50, 20)
    assert life.exchange.attempts[0].output_limit == 20


def test_a_clamp_can_be_told_to_the_caller():
    """A silent one misleads: the plan and the attempt know what was asked and what holds."""
    life = asking({"max_tokens": 99}, class_limit=50)
    assert (life.plan.ask.output_tokens, life.exchange.attempts[0].output_limit) == (99, 50)


@pytest.mark.parametrize(("asked", "refused"), [(51, True), (50, False), (None, False)])
def test_a_policy_may_refuse_instead_of_clamping(asked, refused):
    """Only what asks for more than its class allows, with a sentence that names both figures."""
    fields = {"messages": [{"role": "user", "content": "hi"}], **({"max_tokens": asked} if asked else {})}
    found = decide(
        catalog("a", output_limit="Reject", routes=limited(50, "a")),
        fields,
        {"X-Tierway-Class": "Simple"},
        Health(),
        0.0,
    )
    assert isinstance(found, Refusal if refused else Plan)
    if refused:
        assert (found.status, found.code, found.param) == (400, "output_limit_exceeded", "max_tokens")
        assert "51" in found.message
        assert "50" in found.message


def rejecting(*models, asked, of_class=None, **options):
    """What is decided for a simple request of a policy that refuses instead of clamping."""
    routes = limited(of_class, *(each.name for each in models))
    given = {"fields": {"max_tokens": asked}, "routes": routes, **options}
    return decided(*models, output_limit="Reject", **given)


SMALL, LARGE = model("small", max_output_tokens=40), model("large", max_output_tokens=400)
MOST = {
    "the model's": ((SMALL,), None, 40),
    "the largest of the models'": ((SMALL, LARGE), None, 400),
    "the class's below it": ((SMALL, LARGE), 100, 100),
    "the model's below the class's": ((SMALL,), 50, 40),
}


@pytest.mark.parametrize(("models", "of_class", "most"), MOST.values(), ids=MOST.keys())
def test_what_is_refused_is_more_than_any_model_of_the_route_may_give(models, of_class, most):
    """The figure in the sentence is one that is answered."""
    found = rejecting(*models, asked=most + 1, of_class=of_class)
    assert isinstance(found, Refusal)
    assert (found.status, found.code, found.param) == (400, "output_limit_exceeded", "max_tokens")
    assert f"asks for {most + 1} output tokens; the policy allows {most}," in found.message
    assert isinstance(rejecting(*models, asked=most, of_class=of_class), Plan)


def test_a_model_that_gives_less_is_passed_over_where_nothing_may_be_clamped():
    """With its reason; a policy that clamps sends it there all the same."""
    found = rejecting(SMALL, LARGE, model("free"), asked=41)
    assert [each.model for each in found.candidates] == ["large", "free"]
    assert [(each.key, each.reason) for each in found.skipped] == [
        ("llm/small/small/p", "gives at most 40 output tokens")
    ]
    assert [each.model for each in decided(SMALL, LARGE, fields={"max_tokens": 41}).candidates] == ["small", "large"]


def test_the_limit_of_a_model_that_could_not_serve_it_anyway_is_no_help():
    """Who then asks for less, as the sentence says, is answered."""
    able = model("small", max_output_tokens=40, capabilities=("Tools",))
    tools = {"tools": [{"type": "function", "function": {"name": "f"}}], "max_tokens": 401}
    found = rejecting(able, LARGE, asked=401, fields=tools)
    assert isinstance(found, Refusal)
    assert "the policy allows 40," in found.message


def test_a_harder_route_is_no_way_around_a_limit():
    """Only what no model of the route could serve at all goes on, and there the limit holds as well."""
    routes = {**limited(None, "small"), "Moderate": Route(candidates=(Choice(tier="llm/large"),))}
    assert isinstance(rejecting(SMALL, LARGE, asked=41, routes=routes), Refusal)


def test_a_pinned_model_refuses_what_is_more_than_it_gives():
    """A request without a class has the model's limit alone."""
    found = rejecting(SMALL, LARGE, asked=41, klass=None, fields={"model": "small", "max_tokens": 41})
    assert (found.code, found.pinned) == ("output_limit_exceeded", True)


def test_an_upstream_that_ignores_its_limit_is_cut_at_it():
    """With the end that the limit would have had, and the upstream is told to stop."""
    life = asking({"max_tokens": 2}).head().says(ROLE, text("a"), text("b"))
    assert life.over is False
    life.says(text("c"))
    assert life.commands[-2:] == [CLOSE, FINISH]
    passed = ROLE + text("a") + text("b")
    assert life.received.startswith(passed)
    assert life.received.endswith(DONE)
    ends = [json.loads(each[6:]) for each in life.received[len(passed) : -len(DONE)].split(b"\n\n")[:-1]]
    assert [each["choices"] for each in ends] == [[{"index": 0, "delta": {}, "finish_reason": "length"}]]
    assert (ends[0]["id"], ends[0]["model"], ends[0]["object"]) == ("c-1", "Up", "chat.completion.chunk")


def test_an_answer_cut_at_its_limit_is_an_answer():
    """It is what was asked for, and what was passed on is charged."""
    given = model("a", costs=price(output=10, input=0))
    life = Life(given, ask={"max_tokens": 2}).start().head().says(text("a"), text("b"), text("c"))
    assert (life.settled.outcome, life.settled.status) == ("Answered", 200)
    assert life.settled.cost == 20
    assert life.settled.attempts[0].usage.estimated


def test_an_answer_cut_at_its_limit_ends_with_usage_for_a_client_that_asked_for_it():
    """Before the end mark, as everywhere."""
    life = asking({"max_tokens": 2, **WANTS_USAGE}).head().says(text("a"), text("b"), text("c"))
    last = json.loads(life.received.split(b"\n\n")[-3][6:])
    assert last["choices"] == []
    assert last["usage"] == counted(life.plan.ask.input_tokens, 2)


def test_an_answer_at_its_limit_is_not_cut():
    """The last token that is allowed, and the upstream's own end."""
    end = chunk({}, finish="length")
    life = asking({"max_tokens": 2}).head().says(text("a"), text("b"), end, usage(12, 2), DONE).end()
    assert life.received == text("a") + text("b") + end + DONE


def test_events_of_the_same_read_up_to_the_limit_are_passed_on():
    """And not one more."""
    life = asking({"max_tokens": 2}).head().says(text("a"), text("b") + text("c") + text("d"))
    assert text("b") in life.received
    assert text("c") not in life.received
    assert text("d") not in life.received


def test_a_json_client_gets_what_a_stream_would_have_got():
    """Cut at the same token, with the same reason and usage."""
    life = asking({"max_tokens": 2}, json_client=True).head().says(ROLE, text("a"), text("b"), text("c"))
    assert life.answer["choices"] == [
        {"index": 0, "message": {"role": "assistant", "content": "ab"}, "finish_reason": "length"}
    ]
    assert life.answer["usage"] == counted(life.plan.ask.input_tokens, 2)


def test_several_choices_have_a_limit_each():
    """`n` answers of so many tokens."""
    life = asking({"max_tokens": 2, "n": 2}).head()
    life.says(*[chunk({"content": "x"}, index=at) for at in (0, 1, 0, 1)])
    assert life.over is False
    life.says(text("x"))
    assert life.over


def test_each_of_several_choices_that_is_cut_is_told_why():
    """No choice is left without an end."""
    life = asking({"max_tokens": 1, "n": 2}).head().says(text("x"), chunk({"content": "y"}, index=1), text("z"))
    ended = json.loads(life.received.split(b"\n\n")[-3][6:])
    assert [(each["index"], each["finish_reason"]) for each in ended["choices"]] == [(0, "length"), (1, "length")]


def test_an_answer_without_a_limit_is_never_cut():
    """However long it is."""
    life = Life("a").start().head().says(*[text("x")] * 500)
    assert life.over is False
