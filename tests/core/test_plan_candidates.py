"""Who of a route may serve a request, in which order, and why not the others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.planning import decided, order
from tests.core.tables import model, price
from tierway_proxy.contract.table import Choice, Route
from tierway_proxy.core.refusal import Refusal

TOOLS = {"tools": [{"type": "function", "function": {"name": "f"}}]}
SCHEMA = {"response_format": {"type": "json_schema", "json_schema": {}}}
PICTURE = {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:x"}}]}]}


class TestOrder:
    """Tier before price before region."""

    def test_tiers_keep_the_order_of_the_policy(self):
        """Although the second is cheaper and nearer."""
        near = model("b", costs=price(1), regions={"p": "eu"})
        assert order(model("a", costs=price(9)), near, region="eu") == ["a@p", "b@p"]

    def test_in_a_tier_the_cheaper_model_comes_first(self):
        """By its output price, then its input price, then its price per request."""
        dear, cheap = model("dear", "t", costs=price(9)), model("cheap", "t", costs=price(3))
        assert order(dear, cheap) == ["cheap@p", "dear@p"]
        tie = [model(name, "t", costs=price(5, input=at)) for name, at in (("b", 2), ("a", 1))]
        assert order(*tie) == ["a@p", "b@p"]
        tie = [model(name, "t", costs=price(5, request=at)) for name, at in (("b", 2), ("a", 1))]
        assert order(*tie) == ["a@p", "b@p"]

    def test_at_the_same_price_the_own_region_comes_first(self):
        """Then the order of the providers."""
        everywhere = model("m", "t", providers=("us", "eu", "ap"), regions={"us": "us-east", "eu": "eu-west"})
        assert order(everywhere, region="eu-west") == ["m@eu", "m@us", "m@ap"]
        assert order(everywhere, region="mars") == ["m@us", "m@eu", "m@ap"]
        assert order(everywhere) == ["m@us", "m@eu", "m@ap"]

    def test_a_cheaper_endpoint_far_away_beats_a_dearer_one_near(self):
        """Price before region."""
        both = model("m", "t", providers=("eu", "us"), prices={"us": price(3), "eu": price(4)}, regions={"eu": "eu"})
        assert order(both, region="eu") == ["m@us", "m@eu"]

    def test_a_route_may_name_some_models_of_a_tier(self):
        """The others are not asked."""
        route = Route(candidates=(Choice(tier="llm/t", models=("b",)),))
        assert order(model("a", "t"), model("b", "t"), routes={"Simple": route}) == ["b@p"]

    def test_a_candidate_that_a_route_names_twice_is_tried_once(self):
        """In its first place."""
        route = Route(candidates=(Choice(tier="llm/t", models=("b",)), Choice(tier="llm/t")))
        assert order(model("a", "t"), model("b", "t"), routes={"Simple": route}) == ["b@p", "a@p"]

    @given(
        st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.sampled_from(["eu", "us"])), min_size=1, max_size=8)
    )
    def test_any_chain_is_in_order_of_tier_price_and_region(self, given_models):
        """Whatever the tables."""
        models = [
            model(f"m{at}", f"t{tier}", costs=price(cost), providers=(region,), regions={region: region})
            for at, (tier, cost, region) in enumerate(given_models)
        ]
        plan = decided(*models, region="eu", routes={"Simple": sorted({each.tier for each in models})})
        ranks = [(each.tier, each.price.output, each.provider.region != "eu") for each in plan.candidates]
        assert ranks == sorted(ranks)
        assert len(ranks) == len(models)


NEEDS = {"Tools": TOOLS, "Vision": PICTURE, "JSONSchema": SCHEMA}


class TestAbilities:
    """What a request needs and a model lacks."""

    @pytest.mark.parametrize(("capability", "fields"), NEEDS.items())
    def test_a_model_that_lacks_a_capability_is_passed_over(self, capability, fields):
        """And the reason is kept."""
        plan = decided("a", model("b", capabilities=(capability,)), fields=fields)
        assert [each.model for each in plan.candidates] == ["b"]
        assert [(each.key, each.reason) for each in plan.skipped] == [("llm/a/a/p", f"lacks {capability}")]

    def test_a_capability_that_is_not_needed_is_not_asked_for(self):
        """A plain request goes to the first."""
        assert order("a", model("b", capabilities=("Tools",))) == ["a@p", "b@p"]

    def test_a_window_too_small_is_passed_over(self):
        """By the estimate, inclusive."""
        fields = {"messages": [{"role": "user", "content": "x" * 4000}]}
        needed = decided("a", fields=fields).ask.input_tokens
        plan = decided(model("a", window=needed - 1), model("b", window=needed), "c", fields=fields)
        assert [each.model for each in plan.candidates] == ["b", "c"]
        assert str(needed) in plan.skipped[0].reason

    @pytest.mark.parametrize(
        ("asked", "of_class", "of_model", "answer"),
        [
            (100, None, None, 100),
            (100, 40, None, 40),
            (100, None, 60, 60),
            (100, 40, 60, 40),
            (100, 400, 600, 100),
            (None, 40, 60, 0),
            (None, None, 60, 0),
            (None, None, None, 0),
        ],
    )
    def test_a_window_must_hold_question_and_answer_together(self, asked, of_class, of_model, answer):
        """The answer is as long as was asked for, within the limits; a request that does not say leaves it to us."""
        fields = {"messages": [{"role": "user", "content": "x" * 4000}], **({"max_tokens": asked} if asked else {})}
        route = Route(candidates=(Choice(tier="llm/a"), Choice(tier="llm/b")), max_output_tokens=of_class)
        needed = decided("a", fields=fields).ask.input_tokens + answer
        small, enough = (
            model(name, window=window, max_output_tokens=of_model)
            for name, window in (("a", needed - 1), ("b", needed))
        )
        plan = decided(small, enough, fields=fields, routes={"Simple": route})
        assert [each.model for each in plan.candidates] == ["b"]
        assert f"context window of {needed - 1}" in plan.skipped[0].reason
        assert (f"up to {answer} of the answer" in plan.skipped[0].reason) == (answer > 0)

    def test_what_no_model_of_the_route_can_serve_goes_to_the_next_harder_class(self):
        """A simple request with a picture is still answered, where that can be seen."""
        routes = {"Simple": ["a"], "Moderate": ["b"], "Complex": ["c"]}
        able = (model("a"), model("b"), model("c", capabilities=("Vision",)))
        plan = decided(*able, fields=PICTURE, routes=routes)
        assert ([each.model for each in plan.candidates], plan.klass) == (["c"], "Simple")
        assert "Complex" in plan.reason

    def test_the_next_harder_class_is_the_next(self):
        """Not the hardest: it costs more than need be."""
        able = (model("a"), model("b", capabilities=("Vision",)), model("c", capabilities=("Vision",)))
        routes = {"Simple": ["a"], "Moderate": ["b"], "Complex": ["c"]}
        assert order(*able, fields=PICTURE, routes=routes) == ["b@p"]
        assert order(*able, fields=PICTURE, routes=routes, klass="Complex") == ["c@p"]

    def test_whom_the_easier_route_would_have_had_is_told_with_its_reason(self):
        """Each once: who asks why the cheap one was passed over finds it."""
        able = (model("a"), model("b"), model("c", capabilities=("Vision",)))
        plan = decided(*able, fields=PICTURE, routes={"Simple": ["a"], "Moderate": ["a", "b"], "Complex": ["c"]})
        assert [(each.key, each.reason) for each in plan.skipped] == [
            ("llm/a/a/p", "lacks Vision"),
            ("llm/b/b/p", "lacks Vision"),
        ]

    def test_nobody_is_both_passed_over_and_asked(self):
        """A reasoning model of the easier route serves on the harder one."""
        able = (model("a", reasoning="Always"), model("b"))
        plan = decided(
            *able, routes={"Simple": Route(candidates=(Choice(tier="llm/a"),)), "Moderate": ["a"], "Complex": ["a"]}
        )
        assert [each.key for each in plan.candidates] == ["llm/a/a/p"]
        assert plan.skipped == ()

    def test_an_easier_class_is_never_asked(self):
        """What the hardest cannot serve is refused."""
        able = (model("a", capabilities=("Vision",)), model("c"))
        found = decided(*able, fields=PICTURE, routes={"Simple": ["a"], "Complex": ["c"]}, klass="Complex")
        assert found.code == "no_capable_model"

    def test_what_no_model_at_all_can_serve_is_refused_with_each_ones_reason(self):
        """As the request's fault, by the models' names, slashes in them and all."""
        found = decided(model("meta/llama", "a"), model("b", window=1), fields=TOOLS)
        assert isinstance(found, Refusal)
        assert (found.status, found.code) == (400, "no_capable_model")
        assert "meta/llama lacks Tools" in found.message
        assert "b lacks Tools" in found.message

    def test_a_pinned_model_that_cannot_serve_is_refused(self):
        """Nobody else was asked for."""
        found = decided("a", model("b", capabilities=("Tools",)), fields={"model": "a", **TOOLS}, klass=None)
        assert (found.status, found.code) == (400, "no_capable_model")


class TestReasoning:
    """Models that always reason cost more, so they serve only who asks for it."""

    THINKER = model("t", reasoning="Always")

    def test_it_is_passed_over_by_default(self):
        """A simple question needs no chain of thought."""
        plan = decided(self.THINKER, "b")
        assert [each.model for each in plan.candidates] == ["b"]
        assert "reasoning" in plan.skipped[0].reason

    def test_a_request_may_ask_for_it(self):
        """Explicitly."""
        assert order(self.THINKER, "b", fields={"reasoning_effort": "high"}) == ["t@p", "b@p"]
        assert order(self.THINKER, "b", fields={"reasoning_effort": "none"}) == ["b@p"]

    def test_the_complex_class_asks_for_it(self):
        """That is what makes it complex."""
        assert order(self.THINKER, "b", klass="Complex") == ["t@p", "b@p"]

    def test_a_route_that_names_it_asks_for_it(self):
        """The operator knows what it does."""
        route = Route(candidates=(Choice(tier="llm/t", models=("t",)),))
        assert order(self.THINKER, "b", routes={"Simple": route}) == ["t@p"]

    def test_who_names_it_asks_for_it(self):
        """By `model`."""
        assert order(self.THINKER, fields={"model": "t"}, klass=None) == ["t@p"]

    def test_an_optional_reasoner_serves_everybody(self):
        """It costs no more unless asked."""
        assert order(model("o", reasoning="Optional"), "b") == ["o@p", "b@p"]
