"""Who is not asked, or asked last: what was withdrawn, what is broken, what is busy."""

import pytest

from tests.core.planning import decided, order, tired, withdrawn
from tests.core.tables import model, price
from tierway_proxy.contract.state import State, Withdrawal
from tierway_proxy.contract.table import Match, Rule, Use
from tierway_proxy.core.health import Health


class TestWithdrawn:
    """What left through the state, without an edit."""

    @pytest.mark.parametrize("how", ["Draining", "Disabled"])
    @pytest.mark.parametrize("name", [None, "a"], ids=["tier", "model"])
    def test_it_takes_no_routed_requests(self, how, name):
        """The rest of the chain does."""
        assert order("a", "b", state=withdrawn(how, "a", name)) == ["b@p"]

    def test_other_models_of_the_tier_stay(self):
        """Only the one is gone."""
        assert order(model("a", "t"), model("b", "t"), state=withdrawn("Disabled", "t", "a")) == ["b@p"]

    def test_what_drains_still_answers_who_names_it(self):
        """By model or tier."""
        for name in ("a", "llm/a"):
            assert order("a", "b", fields={"model": name}, klass=None, state=withdrawn("Draining", "a")) == ["a@p"]

    def test_what_is_disabled_answers_nobody(self):
        """Not by name, not by tier."""
        for name in ("a", "llm/a"):
            assert decided("a", "b", fields={"model": name}, klass=None, state=withdrawn("Disabled", "a")).status == 404

    def test_what_is_disabled_is_refused_with_the_sentence_that_says_why(self):
        """Named by model, tier or bare tier: that it "does not exist" would send its user looking for a typo."""
        state = withdrawn("Disabled", "a", "a", message="Model a of tier llm/a is disabled.")
        for name in ("a", "llm/a"):
            found = decided("a", "b", fields={"model": name}, klass=None, state=state)
            assert (found.status, found.code) == (404, "model_not_found")
            assert found.message.startswith("Model a of tier llm/a is disabled. Use 'auto'")
        whole = withdrawn("Disabled", "t", message="Tier llm/t was deleted.")
        for name in ("m", "t"):
            found = decided(model("m", "t"), "b", fields={"model": name}, klass=None, state=whole)
            assert found.message.startswith("Tier llm/t was deleted.")
        assert "does not exist" in decided("a", fields={"model": "z"}, klass=None, state=whole).message

    def test_a_class_left_empty_answers_with_the_sentence_that_says_why(self):
        """503: it may come back."""
        found = decided("a", state=withdrawn("Disabled", "a", message="Tier llm/a was deleted."))
        assert (found.status, found.code) == (503, "no_candidate")
        assert "Tier llm/a was deleted." in found.message
        assert found.retry_after is not None

    def test_the_sentence_is_of_this_class_only(self):
        """Another class's loss explains nothing here."""
        both = State(
            policy="llm/default",
            sequence=1,
            withdrawn=(
                Withdrawal(tier="llm/a", how="Disabled", message="A is gone."),
                Withdrawal(tier="llm/b", how="Disabled", message="B is gone."),
            ),
        )
        found = decided("a", "b", state=both, routes={"Simple": ["a"]})
        assert "A is gone." in found.message
        assert "B is gone." not in found.message

    def test_a_rule_to_what_is_gone_is_refused_as_such(self):
        """A 503 that names the rule."""
        rules = (Rule(name="legal", match=Match(), use=Use(tier="llm/a")),)
        found = decided("a", "b", rules=rules, state=withdrawn("Disabled", "a"))
        assert found.status == 503
        assert "legal" in found.message


class TestHealth:
    """The unfit are tried last, never left out."""

    def test_an_open_breaker_comes_last(self):
        """Behind all that are fit, with its reason."""
        plan = decided("a", "b", "c", health=tired("llm/a/a/p"), now=0.5)
        assert [each.model for each in plan.candidates] == ["b", "c", "a"]
        assert plan.fit == 2
        assert [each.key for each in plan.skipped] == ["llm/a/a/p"]
        assert "failures in a row" in plan.skipped[0].reason

    def test_when_all_are_unfit_all_are_tried_in_their_order(self):
        """A request is answered if anybody can."""
        plan = decided("a", "b", health=tired("llm/a/a/p", "llm/b/b/p"), now=0.5)
        assert [each.model for each in plan.candidates] == ["a", "b"]
        assert plan.fit == 0

    def test_a_breaker_is_of_one_endpoint(self):
        """The same model at another provider is fit."""
        both = model("m", "t", providers=("p", "q"))
        assert order(both, health=tired("llm/t/m/p"), now=0.5) == ["m@q", "m@p"]

    def test_a_provider_with_all_it_takes_under_way_comes_last(self):
        """Its limit counts all models that it serves."""
        health = Health()
        full = {"max_concurrent_requests": 2}
        models = (model("a", "t", provider=full), model("b", "t", costs=price(99), provider=full), "c")
        for _ in range(2):
            assert order(*models, health=health) == ["a@p", "b@p", "c@p"]
            health.began("llm/t/a/p", "llm/t/p", 0.0)
        assert order(*models, health=health) == ["c@p", "a@p", "b@p"]
        health.ended("llm/t/p")
        assert order(*models, health=health) == ["a@p", "b@p", "c@p"]

    def test_an_open_breaker_keeps_nobody_from_a_pin(self):
        """There is nobody else."""
        assert order("a", "b", fields={"model": "a"}, klass=None, health=tired("llm/a/a/p"), now=0.5) == ["a@p"]
