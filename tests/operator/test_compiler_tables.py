"""What a route table says, given specs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.operator.worlds import Turns, condition, message, model, policy, provider, routes, secret, tier
from tierway_operator.store import ConfigMaps
from tierway_proxy.contract.base import CLASSES

CHEAP, DEAR = tier("cheap"), tier("dear")


def only_tier(spec):
    turns = Turns()
    turns.turn((tier("cheap", **spec) if "models" not in spec else tier("cheap", *spec.pop("models"), **spec), DEAR),
               (policy(),), (secret(),), ConfigMaps({("llm", "authorities"): {"ca.pem": "PEM"}}))  # fmt: skip
    return turns.table().tiers["llm/cheap"]


def test_a_policy_whose_references_are_good_is_published_with_its_generation():
    """The table carries the policy's name, its generation, its three routes and each tier once."""
    turns = Turns()
    result = turns.turn((CHEAP, DEAR), (policy(generation=7),))
    table = turns.table()
    assert (table.policy, table.generation) == ("llm/default", 7)
    assert set(table.routes) == set(CLASSES)
    assert sorted(table.tiers) == ["llm/cheap", "llm/dear"]
    assert condition(result.policies["llm/default"], "Accepted") == ("True", "Accepted")
    assert condition(result.policies["llm/default"], "ResolvedRefs") == ("True", "ResolvedRefs")


def test_a_spec_with_only_what_is_required_gets_the_documented_defaults():
    """Defaults that may change one day come from the compiler, not from users' objects."""
    turns = Turns()
    turns.turn((CHEAP, DEAR), (policy(),))
    table = turns.table()
    assert (table.fallback.max_attempts, table.fallback.delay_ms) == (None, 100)
    assert (table.streaming.first_token_timeout_ms, table.streaming.stall_ms) == (30_000, 30_000)
    assert (table.streaming.upstream, table.streaming.buffer_bytes) == ("WhenPossible", 65_536)
    assert (table.unknown_models, table.output_limit) == ("Reject", "Clamp")
    assert (table.classifier.preset, table.classifier.on_uncertain) == ("Balanced", "Promote")
    assert table.pins.request_class
    assert table.pins.tier
    assert table.pins.model
    assert table.baseline is None
    (endpoint,) = table.tiers["llm/cheap"].models[0].endpoints
    assert (endpoint.provider, endpoint.upstream_model) == ("main", "small")
    assert table.tiers["llm/cheap"].providers["main"].credential is None


@pytest.mark.parametrize(("zero", "field"), [({"delayMilliseconds": 0}, "delay_ms")])
def test_a_zero_that_was_written_is_no_default(zero, field):
    """Zero milliseconds of delay means none, not the default."""
    turns = Turns()
    turns.turn((CHEAP, DEAR), (policy(fallback=zero),))
    assert getattr(turns.table().fallback, field) == 0


@given(st.decimals(min_value=0, max_value=999_999_999, places=6))
def test_every_price_is_an_exact_whole_number_of_pico_dollars_a_token(price):
    """Six decimals per million tokens lose nothing."""
    text = f"{price:f}"
    spec = {"inputPerMillionTokens": text, "outputPerMillionTokens": text, "perRequest": text}
    found = only_tier({"models": [model(price=spec)]}).models[0].endpoints[0].price
    digits = int(text.replace(".", ""))
    assert (found.input, found.cached_input, found.output) == (digits, digits, digits)
    assert found.request == digits * 10**6


def test_cached_input_has_its_own_price_even_when_it_is_free():
    """A price of "0" is a price."""
    spec = {"inputPerMillionTokens": "1", "cachedInputPerMillionTokens": "0", "outputPerMillionTokens": "2"}
    found = only_tier({"models": [model(price=spec)]}).models[0].endpoints[0].price
    assert (found.input, found.cached_input, found.output) == (10**6, 0, 2 * 10**6)


def test_an_endpoint_may_have_its_own_name_and_price():
    """What an endpoint does not say comes from its model."""
    own = {"inputPerMillionTokens": "3", "outputPerMillionTokens": "4"}
    endpoints = [{"provider": "b", "upstreamModel": "X/small", "price": own}, {"provider": "a"}]
    spec = {
        "providers": [provider("a"), provider("b"), provider("c")],
        "models": [model(endpoints=endpoints, upstreamModel="S")],
    }
    found = only_tier(spec).models[0].endpoints
    assert [(each.provider, each.upstream_model, each.price.output) for each in found] == [
        ("b", "X/small", 4 * 10**6),
        ("a", "S", 2 * 10**5),
    ]


def test_a_provider_is_carried_with_all_that_its_spec_says():
    """Region, key, header, certificates and peculiarities travel in the table; the key itself does not."""
    spec = provider(
        region="eu",
        credentialRef={"name": "keys", "key": "api-key"},
        auth={"scheme": "Header", "headerName": "x-api-key"},
        headers=[{"name": "X-Org", "value": "7"}],
        caBundleRef={"name": "authorities", "key": "ca.pem"},
        maxConcurrentRequests=9,
        compatibility={"streamUsage": "Unsupported", "outputLimitParameter": "max_completion_tokens"},
    )
    found = only_tier({"providers": [spec]}).providers["main"]
    assert (found.region, found.ca_bundle, found.max_concurrent_requests) == ("eu", "PEM", 9)
    assert (found.auth_header, found.auth_prefix) == ("x-api-key", "")
    assert [(each.name, each.value) for each in found.headers] == [("X-Org", "7")]
    assert (found.stream_usage, found.output_limit_parameter) == (False, "max_completion_tokens")
    assert found.credential is not None
    assert "k-1" not in found.model_dump_json()


def test_a_model_is_carried_with_its_limits_and_abilities():
    """What the plan must know of a model stands in the table, its state does not."""
    limits = {"maxTTFTMilliseconds": 160, "maxTTFTPer1KInputTokensMilliseconds": 5, "minOutputTokensPerSecond": 65}
    spec = model(
        state="Draining", limits=limits, contextWindowTokens=32_768, maxOutputTokens=1024,
        capabilities=["Tools"], reasoning="Always",
    )  # fmt: skip
    found = only_tier({"models": [spec, model("other")]}).models[0]
    assert found.limits.model_dump() == {
        "max_ttft_ms": 160,
        "max_ttft_per_1k_input_ms": 5,
        "min_output_tokens_per_second": 65,
    }
    assert (found.context_window_tokens, found.max_output_tokens) == (32_768, 1024)
    assert (found.capabilities, found.reasoning) == (("Tools",), "Always")
    assert "Draining" not in found.model_dump_json()


def test_rules_and_pins_and_options_travel_as_written():
    """Every choice of the policy's spec is in its table."""
    rules = [
        {
            "name": "legal",
            "match": {
                "headers": [
                    {"name": "X-Team", "value": "legal"},
                    {"name": "X-Job", "type": "RegularExpression", "value": "a+"},
                ],
                "callers": ["web/a", "batch"], "namespaces": ["web"],
                "models": ["auto"], "tools": True, "images": False, "inputTokens": {"min": 0, "max": 9},
            },
            "use": {"tierRef": {"name": "dear"}},
        },
        {"name": "code", "match": {"tools": True}, "use": {"class": "Complex"}},
        {"name": "one", "match": {"tools": False}, "use": {"model": "small"}},
    ]  # fmt: skip
    spec = {
        "rules": rules,
        "pins": {"class": "Deny", "model": "Deny", "callers": ["batch"], "namespaces": ["web"]},
        "unknownModels": "Classify",
        "classifier": {"preset": "Safe", "onUncertain": "AsClassified"},
        "streaming": {"upstream": "AsRequested", "stallMilliseconds": 5},
        "outputLimit": {"onExceeded": "Reject"},
        "fallback": {"maxAttempts": 2},
    }
    turns = Turns()
    turns.turn((CHEAP, DEAR), (policy(**spec),))
    table = turns.table()
    first, second, third = table.rules
    assert [each.regular_expression for each in first.match.headers] == [False, True]
    assert (first.match.callers, first.match.namespaces) == (("web/a", "batch"), ("web",))
    assert (table.pins.callers, table.pins.namespaces) == (("batch",), ("web",))
    assert (first.match.models, first.match.tools, first.match.images) == (("auto",), True, False)
    assert (first.match.min_input_tokens, first.match.max_input_tokens) == (0, 9)
    assert (first.use.tier, second.use.request_class, third.use.model) == ("llm/dear", "Complex", "small")
    assert (table.pins.request_class, table.pins.tier, table.pins.model) == (False, True, False)
    assert (table.unknown_models, table.classifier.preset, table.classifier.on_uncertain) == (
        "Classify", "Safe", "AsClassified",
    )  # fmt: skip
    assert (table.streaming.upstream, table.streaming.stall_ms) == ("AsRequested", 5)
    assert (table.output_limit, table.fallback.max_attempts) == ("Reject", 2)


def test_the_baseline_defaults_to_the_model_with_the_cheapest_output():
    """Savings are never overstated: the dearest model is not taken unless it was named."""
    cheap = model("b", price={"inputPerMillionTokens": "9", "outputPerMillionTokens": "1"})
    dear = tier("dear", model("a", price={"inputPerMillionTokens": "1", "outputPerMillionTokens": "2"}), cheap)
    for baseline, expected in (
        ({"tierRef": {"name": "dear"}}, "b"),
        ({"tierRef": {"name": "dear"}, "model": "a"}, "a"),
    ):
        turns = Turns()
        turns.turn((CHEAP, dear), (policy(baseline=baseline),))
        found = turns.table().baseline
        assert found is not None
        assert (found.tier, found.model) == ("llm/dear", expected)


def test_a_regular_expression_that_proxies_cannot_use_refuses_the_edit():
    r"""RE2 takes `\pL`; the proxies' engine does not, and a rule that never matches would be silent."""
    rule = {
        "name": "r",
        "match": {"headers": [{"name": "X", "type": "RegularExpression", "value": r"\pL+"}]},
        "use": {"class": "Simple"},
    }
    result = Turns().turn((CHEAP, DEAR), (policy(rules=[rule]),))
    assert condition(result.policies["llm/default"], "Accepted") == ("False", "Invalid")
    assert "spec.rules[0].match.headers[X].value" in message(result.policies["llm/default"], "Accepted")


def test_a_table_that_no_config_map_can_carry_refuses_the_edit():
    """One mebibyte is the end: the message says to name fewer tiers."""
    big = provider(caBundleRef={"name": "authorities", "key": "ca.pem"})
    maps = ConfigMaps({("llm", "authorities"): {"ca.pem": "x" * 600_000}})
    tiers = (tier("cheap", providers=[big]), tier("dear", providers=[big]))
    result = Turns().turn(tiers, (policy(),), config_maps=maps)
    assert condition(result.policies["llm/default"], "Accepted") == ("False", "TableTooLarge")


def test_the_same_objects_make_the_same_bytes():
    """A second turn has nothing new, whatever the order in which the store lists."""
    turns = Turns()
    turns.turn((CHEAP, DEAR), (policy(), policy("other")))
    before = dict(turns.published)
    again = turns.turn((DEAR, CHEAP), (policy("other"), policy()))
    assert turns.published == before
    assert not any(each.news for each in again.policies.values())


def test_candidates_keep_the_order_of_the_route():
    """The order of candidates means something; nothing sorts them."""
    turns = Turns()
    spec = routes(simple=["dear", {"tierRef": {"name": "cheap"}, "models": ["small"]}])
    spec[0]["maxOutputTokens"] = 12
    turns.turn((CHEAP, DEAR), (policy(routes=spec),))
    route = turns.table().routes["Simple"]
    assert [(each.tier, each.models) for each in route.candidates] == [("llm/dear", ()), ("llm/cheap", ("small",))]
    assert route.max_output_tokens == 12
