"""Whom a request is for: rules, then pins by name, then hints, then the classifier."""

import pytest
from multidict import CIMultiDict

from tests.core.tables import catalog, model, price
from tierway_proxy.contract.state import State, Withdrawal
from tierway_proxy.contract.table import HeaderMatch, Match, Pins, Rule, Use
from tierway_proxy.core.caller import Caller
from tierway_proxy.core.health import Health
from tierway_proxy.core.plan import Plan, decide
from tierway_proxy.core.refusal import Refusal

MESSAGES = [{"role": "user", "content": "Say hello."}]
ROUTES = {"Simple": ["cheap"], "Moderate": ["middle"], "Complex": ["best"]}
MODELS = (model("small", "cheap"), model("medium", "middle"), model("large", "best", capabilities=("Tools", "Vision")))
PICTURE = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:x"}}]}]


def decided(fields=None, *, headers=None, models=MODELS, caller=None, **options):
    options = {"routes": ROUTES, **options}
    asked = {"messages": MESSAGES, **(fields or {})}
    return decide(catalog(*models, **options), asked, CIMultiDict(headers or {}), Health(), 0.0, caller)


def serving(*args, **kwargs):
    """The models that would serve, in order."""
    plan = decided(*args, **kwargs)
    assert isinstance(plan, Plan), plan
    return [each.model for each in plan.candidates]


def refusal(*args, **kwargs):
    found = decided(*args, **kwargs)
    assert isinstance(found, Refusal), found
    return found


def rule(name="r", *, use, **match):
    return Rule(name=name, match=Match(**match), use=Use(**use))


def header(name, value, *, expression=False):
    return {"headers": (HeaderMatch(name=name, value=value, regular_expression=expression),)}


TO_BEST = {"tier": "llm/best"}


class TestClassifying:
    """`auto`, nothing, and an empty name let the classifier decide."""

    @pytest.mark.parametrize("fields", [{}, {"model": "auto"}, {"model": ""}])
    def test_a_request_that_names_nothing_is_classified(self, fields):
        """With the class's route, and reasons for people."""
        plan = decided(fields)
        assert plan.klass == "Simple"
        assert [each.model for each in plan.candidates] == ["small"]
        assert plan.reason.startswith("Simple: ")

    @pytest.mark.parametrize("klass", ["Simple", "Moderate", "Complex"])
    def test_a_hint_is_taken_at_its_word(self, klass):
        """In any case, with blanks around it."""
        plan = decided(headers={"X-Tierway-Class": f" {klass.upper()} "})
        assert plan.klass == klass
        assert [each.tier for each in plan.candidates] == [f"llm/{ROUTES[klass][0]}"]
        assert plan.ask.confidence == 1.0

    def test_a_hint_that_is_no_class_is_refused(self):
        """With the classes there are."""
        found = refusal(headers={"X-Tierway-Class": "hard"})
        assert (found.status, found.param) == (400, "X-Tierway-Class")
        assert "Simple, Moderate, Complex" in found.message

    def test_a_hint_may_be_denied(self):
        """The policy says who chooses."""
        found = refusal(headers={"X-Tierway-Class": "Complex"}, pins=Pins(request_class=False))
        assert (found.status, found.code) == (403, "pin_not_allowed")


class TestPins:
    """A model or a tier by its name."""

    def test_a_models_name_pins_it(self):
        """Whatever the class; such a request has none."""
        plan = decided({"model": "large"})
        assert ([each.model for each in plan.candidates], plan.klass) == (["large"], None)
        assert plan.reason == "pinned to model large"

    @pytest.mark.parametrize("name", ["best", "llm/best"])
    def test_a_tiers_name_pins_it(self, name):
        """Its bare name, where only one has it, or the full one."""
        plan = decided({"model": name})
        assert ([each.model for each in plan.candidates], plan.klass) == (["large"], None)
        assert plan.reason == "pinned to tier llm/best"

    def test_a_model_comes_before_a_tier_of_the_same_name(self):
        """The nearer thing."""
        both = (model("same", "other"), model("x", "same"))
        assert serving({"model": "same"}, models=both, routes=None) == ["same"]

    def test_a_pin_beats_a_hint(self):
        """It is more exact."""
        assert serving({"model": "large"}, headers={"X-Tierway-Class": "Simple"}) == ["large"]

    def test_a_pinned_model_is_served_by_all_tiers_that_have_it_the_cheapest_first(self):
        """A name is a name."""
        several = (model("m", "dear", costs=price(9)), model("m", "cheap", costs=price(3)), model("n", "cheap"))
        plan = decided({"model": "m"}, models=several, routes=None)
        assert [each.tier for each in plan.candidates] == ["llm/cheap", "llm/dear"]

    @pytest.mark.parametrize(("name", "pins"), [("large", Pins(model=False)), ("best", Pins(tier=False))])
    def test_a_pin_may_be_denied(self, name, pins):
        """With what to send in its place."""
        found = refusal({"model": name}, pins=pins)
        assert (found.status, found.code, found.param) == (403, "pin_not_allowed", "model")
        assert "'auto'" in found.message

    def test_one_kind_of_pin_may_be_denied_and_the_other_not(self):
        """They are separate."""
        assert serving({"model": "large"}, pins=Pins(tier=False, request_class=False)) == ["large"]
        assert serving({"model": "best"}, pins=Pins(model=False, request_class=False)) == ["large"]

    def test_an_unknown_name_is_refused_as_openai_does(self):
        """404, with where to look."""
        found = refusal({"model": "gpt-99"})
        assert (found.status, found.code, found.param) == (404, "model_not_found", "model")
        assert "gpt-99" in found.message

    def test_an_unknown_name_may_be_classified_instead(self):
        """For clients whose model name cannot be changed."""
        assert serving({"model": "gpt-99"}, unknown_models="Classify") == ["small"]
        assert decided({"model": "gpt-99"}, unknown_models="Classify").klass == "Simple"

    def test_a_tiers_bare_name_that_two_have_names_neither(self):
        """It would be a guess."""
        tables = catalog("a", "b").table
        two = tables.model_copy(update={"tiers": {"x/same": tables.tiers["llm/a"], "y/same": tables.tiers["llm/b"]}})
        routes = {klass: route.model_copy(update={"candidates": ()}) for klass, route in two.routes.items()}
        found = catalog("a")
        ambiguous = type(found)(
            table=two.model_copy(update={"routes": routes}),
            state=State(policy="llm/default", sequence=1),
            table_hash="0",
            region=None,
        )
        body = {"model": "same", "messages": MESSAGES}
        assert decide(ambiguous, body, {}, Health(), 0.0).status == 404
        assert decide(ambiguous, {**body, "model": "y/same"}, {}, Health(), 0.0).candidates[0].model == "b"


MATCHES = {
    "a header": (header("X-Team", "legal"), {}, {"x-team": "legal"}, True),
    "another value": (header("X-Team", "legal"), {}, {"X-Team": "legalese"}, False),
    "another case": (header("X-Team", "legal"), {}, {"X-Team": "Legal"}, False),
    "no header": (header("X-Team", "legal"), {}, {}, False),
    "an expression": (header("X-Team", "(?i:legal|finance)", expression=True), {}, {"X-Team": "FINANCE"}, True),
    "an expression within": (header("X-Team", "legal", expression=True), {}, {"X-Team": "illegal"}, False),
    "a dot that is none": (header("X-Team", "a.c"), {}, {"X-Team": "abc"}, False),
    "a model": ({"models": ("gpt-4", "gpt-5")}, {"model": "gpt-5"}, {}, True),
    "another model": ({"models": ("gpt-4",)}, {"model": "small"}, {}, False),
    "tools": ({"tools": True}, {"tools": [{"type": "function", "function": {"name": "f"}}]}, {}, True),
    "no tools": ({"tools": True}, {}, {}, False),
    "without tools": ({"tools": False}, {}, {}, True),
    "images": ({"images": True}, {"messages": PICTURE}, {}, True),
    "no images": ({"images": True}, {}, {}, False),
    "enough tokens": ({"min_input_tokens": 6}, {}, {}, True),
    "too few tokens": ({"min_input_tokens": 7}, {}, {}, False),
    "few enough tokens": ({"max_input_tokens": 6}, {}, {}, True),
    "too many tokens": ({"max_input_tokens": 5}, {}, {}, False),
    "all of several": ({"tools": False, **header("X-Team", "legal")}, {}, {"X-Team": "legal"}, True),
    "one of several": ({"tools": True, **header("X-Team", "legal")}, {}, {"X-Team": "legal"}, False),
}


class TestRules:
    """The first rule that matches decides, before pins and hints."""

    def test_a_rule_sends_to_a_class(self):
        """With that class's limit and route."""
        plan = decided(rules=(rule("all", use={"request_class": "Complex"}),))
        assert (plan.klass, plan.reason) == ("Complex", "rule all")
        assert [each.model for each in plan.candidates] == ["large"]

    def test_a_rule_sends_to_a_tier_or_a_model(self):
        """Also to a model of one tier among several that have it."""
        several = (*MODELS, model("small", "best"))
        assert serving(rules=(rule(use=TO_BEST),)) == ["large"]
        assert serving(rules=(rule(use={"model": "medium"}),)) == ["medium"]
        plan = decided(rules=(rule(use={"model": "small", "tier": "llm/best"}),), models=several)
        assert [(each.tier, each.model) for each in plan.candidates] == [("llm/best", "small")]

    def test_a_rule_beats_pin_and_hint(self):
        """That is what it is for."""
        rules = (rule(use=TO_BEST),)
        assert serving({"model": "small"}, rules=rules, headers={"X-Tierway-Class": "Moderate"}) == ["large"]
        assert serving({"model": "small"}, rules=rules, pins=Pins(model=False)) == ["large"]

    def test_the_first_rule_that_matches_decides(self):
        """In the policy's order."""
        rules = (
            rule("never", use={"model": "small"}, tools=True),
            rule("one", use={"model": "medium"}),
            rule(use=TO_BEST),
        )
        assert serving(rules=rules) == ["medium"]

    @pytest.mark.parametrize(("match", "fields", "headers", "matches"), MATCHES.values(), ids=MATCHES.keys())
    def test_a_rule_matches_when_all_that_it_says_holds(self, match, fields, headers, matches):
        """Token bounds are inclusive; a header's whole value is compared."""
        assert decided({"messages": MESSAGES}).ask.input_tokens == 6
        found = decided(fields, headers=headers, rules=(rule("r", use=TO_BEST, **match),))
        assert (getattr(found, "reason", None) == "rule r") is matches

    def test_all_headers_of_a_rule_must_match(self):
        """One is not enough."""
        both = {"headers": (HeaderMatch(name="A", value="1"), HeaderMatch(name="B", value="2"))}
        rules = (rule(use=TO_BEST, **both),)
        assert serving(rules=rules, headers={"A": "1"}) == ["small"]
        assert serving(rules=rules, headers={"A": "1", "B": "2"}) == ["large"]


class TestRefusing:
    """What cannot be planned at all."""

    @pytest.mark.parametrize("name", [None, 7, ["auto"], {}])
    def test_a_model_that_is_no_string_is_refused(self, name):
        """With the member's name."""
        found = refusal({"model": name})
        assert (found.status, found.param) == (400, "model")

    @pytest.mark.parametrize("messages", [None, [], "hi", {}])
    def test_messages_that_are_no_list_are_refused(self, messages):
        """The upstream would not know either."""
        found = refusal({"messages": messages})
        assert (found.status, found.param) == (400, "messages")

    def test_a_pin_on_what_is_disabled_is_as_one_on_what_is_not_there(self):
        """It answers nobody."""
        gone = Withdrawal(tier="llm/best", model=None, how="Disabled", message="Tier best is gone.")
        found = refusal({"model": "large"}, state=State(policy="llm/default", sequence=1, withdrawn=(gone,)))
        assert (found.status, found.code) == (404, "model_not_found")


HINT = {"headers": {"X-Tierway-Class": "Complex"}}
FRONTEND, BATCH = Caller("web/frontend", "web"), Caller("batch")


class TestCallers:
    """Rules and pins may be for some callers only; who is not known is none of them."""

    @pytest.mark.parametrize(
        ("match", "caller", "matches"),
        [
            ({"callers": ("web/frontend",)}, FRONTEND, True),
            ({"callers": ("web/frontend",)}, BATCH, False),
            ({"callers": ("web/frontend",)}, None, False),
            ({"callers": ("batch",)}, BATCH, True),
            ({"namespaces": ("web",)}, FRONTEND, True),
            ({"namespaces": ("other",)}, FRONTEND, False),
            ({"namespaces": ("web",)}, BATCH, False),
            ({"namespaces": ("web",)}, None, False),
            ({"callers": ("batch",), "namespaces": ("web",)}, FRONTEND, False),
        ],
    )
    def test_a_rule_for_callers_takes_theirs_and_nobody_elses(self, match, caller, matches):
        """All that a rule says must hold."""
        found = serving(rules=(rule(use=TO_BEST, **match),), caller=caller)
        assert found == (["large"] if matches else ["small"])

    def test_a_header_rule_is_bound_to_its_callers(self):
        """Anybody can send a header; the rule says whose counts."""
        bound = rule(use=TO_BEST, callers=("web/frontend",), **header("X-Team", "legal"))
        assert serving(rules=(bound,), headers={"X-Team": "legal"}, caller=FRONTEND) == ["large"]
        assert serving(rules=(bound,), headers={"X-Team": "legal"}, caller=BATCH) == ["small"]

    @pytest.mark.parametrize("asks", [{"fields": {"model": "large"}}, {"fields": {"model": "best"}}, HINT])
    def test_pins_bound_to_callers_refuse_others_by_name(self, asks):
        """By name or by namespace; whoever is none of them reads who they are."""
        for pins in (Pins(callers=("web/frontend",)), Pins(namespaces=("web",))):
            assert serving(pins=pins, caller=FRONTEND, **asks) == ["large"]
            refused = refusal(pins=pins, caller=BATCH, **asks)
            assert (refused.status, refused.code) == (403, "pin_not_allowed")
            assert "does not let caller 'batch' choose the" in refused.message
        assert "a caller whom nobody authenticates" in refusal(pins=Pins(callers=("batch",)), **asks).message

    def test_what_is_denied_to_all_is_denied_to_the_named_callers_too(self):
        """`Deny` comes first."""
        assert refusal({"model": "large"}, pins=Pins(model=False, callers=("batch",)), caller=BATCH).status == 403
