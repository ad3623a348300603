"""The statuses of both kinds, as users and columns read them."""

import json
from dataclasses import replace

import jsonschema

from tests.operator.counted import attempts, endpoint, histogram
from tests.operator.worlds import NAME, Turns, model, model_text, policy, published, routes, tier
from tierway_operator.crds import committed_crds
from tierway_operator.policy_status import PolicyTotals, policy_status
from tierway_operator.programmed import loaded_by, progress
from tierway_operator.store import ConfigMaps, Proxy
from tierway_operator.tier_status import TierCounts, tier_status
from tierway_proxy.contract.observations import LoadedTable, Observations, PolicyCounts
from tierway_proxy.contract.own_model import GENERAL, KEY

NOW, DATE = 1_795_521_600.0, "2026-11-24"
LIMITED = tier(
    "cheap", model("small", limits={"maxTTFTMilliseconds": 160, "minOutputTokensPerSecond": 65}), model("other")
)
SUPPORT = ("llm", "support")
FAST = histogram(*[72.0] * 40)


def tier_of(window, today=None, spec=LIMITED, before=None, **more):
    result = Turns().turn((spec, tier("dear")), ()).tiers["llm/cheap"]
    counts = TierCounts(DATE, window, window if today is None else today, **{"covered": True, **more})
    return tier_status("llm/cheap", result, counts, before or {}, NOW)


def conditions(status):
    return {each["type"]: (each["status"], each["reason"]) for each in status["conditions"]}


def test_a_tier_without_traffic_says_so_and_shows_no_zero_latency():
    """Available and WithinThresholds are Unknown; figures that nobody observed are absent."""
    status = tier_of({})
    assert conditions(status) == {
        "Ready": ("True", "Ready"),
        "Accepted": ("True", "Accepted"),
        "ResolvedRefs": ("True", "ResolvedRefs"),
        "Available": ("Unknown", "NoTraffic"),
        "WithinThresholds": ("Unknown", "NoTraffic"),
    }
    assert next(iter(status)) == "conditions"
    assert status["summary"] == {"models": "2/2", "limit": "160ms", "costToday": "0"}
    assert "ttft" not in status["models"][0]


def test_a_tiers_figures_are_its_models_and_their_sum():
    """One model's latency, speed, cost and tokens, and the tier's columns."""
    counts = endpoint(
        ttft=(118.0,) * 40, output_tokens_per_second=FAST, ttlt=histogram(900.0), cost=240_000_000_000,
        output_tokens=1_200_000, errors={"Unavailable": 2, "ClientLeft": 1}, fallbacks={"Unavailable": 2}, attempts=43,
    )  # fmt: skip
    status = tier_of({"small": counts})
    small = status["models"][0]
    assert (small["requests"], small["errors"], small["fallbacks"]) == (43, 2, 2)
    assert abs(small["ttft"]["p95Milliseconds"] - 118) <= 2
    assert small["ttft"]["censoredPercent"] == 0
    assert small["cost"] == "0.240000"
    assert small["costPerMillionOutputTokens"] == "0.200000"
    assert small["effectiveLimits"] == {"maxTTFTMilliseconds": 160, "minOutputTokensPerSecond": 65}
    assert status["today"] == {"date": DATE, "requests": 43, "cost": "0.240000", "outputTokens": 1_200_000}
    assert status["summary"]["errors"] == "4.7%"
    assert status["summary"]["costToday"] == "0.24"
    assert abs(int(status["summary"]["tokensPerSecond"]) - 72) <= 1
    assert conditions(status)["Available"] == ("True", "Answering")
    assert conditions(status)["WithinThresholds"] == ("True", "Holding")


def test_a_percentile_among_cut_attempts_is_shown_as_at_least_the_limit_and_is_a_breach():
    """`≥160ms`, never a latency."""
    status = tier_of({"small": endpoint(ttft=(100.0,) * 30, cut=(160.3,) * 10)})
    assert status["summary"]["ttftP95"] == "≥160ms"
    assert "p95Milliseconds" not in status["models"][0]["ttft"]
    assert status["models"][0]["ttft"]["censoredPercent"] == 25
    assert conditions(status)["WithinThresholds"] == ("False", "LimitsMissed")


def test_too_few_samples_judge_nobody():
    """One slow answer of three is no verdict."""
    status = tier_of({"small": endpoint(ttft=(100.0,) * 2, cut=(160.0,))})
    assert conditions(status)["WithinThresholds"] == ("Unknown", "TooFewSamples")


def test_slow_answers_miss_the_throughput_limit():
    """The median is what counts."""
    slow = histogram(*[40.0] * 30)
    status = tier_of({"small": endpoint(ttft=(100.0,) * 30, output_tokens_per_second=slow)})
    assert conditions(status)["WithinThresholds"] == ("False", "LimitsMissed")


def test_a_tier_that_answers_nothing_is_not_available():
    """All failed, or every proxy passes every model over; a client that leaves says nothing."""
    failing = {"small": endpoint(attempts=3, committed=0, errors={"Unavailable": 3})}
    assert conditions(tier_of(failing))["Available"] == ("False", "AllFailing")
    left = {"small": endpoint(attempts=3, committed=0, errors={"ClientLeft": 3})}
    assert conditions(tier_of(left))["Available"] == ("Unknown", "NoTraffic")
    all_open = frozenset({"llm/cheap/small/main", "llm/cheap/other/main"})
    status = tier_of({"small": attempts(9)}, open_at=(all_open, all_open))
    assert conditions(status)["Available"] == ("False", "AllFailing")
    assert "the proxies' logs name reason and status (`breaker opened`)" in json.dumps(status)


def test_a_breaker_is_open_when_every_proxy_passes_every_provider_over():
    """Partial when some do."""
    one = frozenset({"llm/cheap/small/main"})
    found = {each["name"]: each["breaker"] for each in tier_of({}, open_at=(one, frozenset()))["models"]}
    assert found == {"small": "Partial", "other": "Closed"}
    assert tier_of({}, open_at=(one, one))["models"][0]["breaker"] == "Open"
    assert "breaker" not in tier_of({})["models"][0]


def test_a_model_that_left_the_tier_still_cost_what_it_cost_today():
    """The tier's total is of the day, not of the models that are left."""
    status = tier_of({}, today={"small": attempts(1), "gone": attempts(4)})
    assert status["today"]["requests"] == 5
    assert [each["name"] for each in status["models"]] == ["small", "other"]


def test_models_that_take_no_requests_are_not_counted_as_usable():
    """`1/2`: of all."""
    assert (
        tier_of({}, spec=tier("cheap", model("small"), model("other", state="Draining")))["summary"]["models"] == "1/2"
    )


def test_an_operator_that_has_just_started_keeps_what_was_known_of_the_last_minutes():
    """Its window is empty because it did not look, not because nothing was sent."""
    before = tier_of({"small": endpoint(ttft=(118.0,) * 40, output_tokens_per_second=FAST)})
    fresh = tier_of({}, today={"small": attempts(41)}, before=before, covered=False)
    assert fresh["models"][0]["ttft"] == before["models"][0]["ttft"]
    assert fresh["summary"]["ttftP95"] == before["summary"]["ttftP95"]
    assert conditions(fresh) == conditions(before)
    assert fresh["models"][0]["requests"] == 41
    assert "ttft" not in tier_of({}, before=before)["models"][0]


def test_a_transition_time_moves_only_with_the_status():
    """Not with the reason, the message or the generation."""
    before = tier_of({})
    old = {
        **before,
        "conditions": [{**each, "lastTransitionTime": "2020-01-01T00:00:00Z"} for each in before["conditions"]],
    }
    after = tier_of({"small": attempts(9)}, before=old)
    times = {each["type"]: each["lastTransitionTime"] for each in after["conditions"]}
    assert times["Accepted"] == "2020-01-01T00:00:00Z"
    assert times["Available"] == "2026-11-24T12:00:00Z"
    assert all(each["observedGeneration"] == 1 for each in after["conditions"])


class TestPolicies:
    """What a RoutingPolicy's status says."""

    COUNTS = PolicyCounts(
        requests={"Simple": 9000, "Moderate": 3000, "Complex": 400}, pinned=30, cost=19 * 10**10,
        baseline_cost=10**12, fallbacks=7, shed=1,
    )  # fmt: skip

    def status(self, result, table_hash, before=None, **totals):
        table = LoadedTable(policy=NAME, hash=table_hash or "", generation=1)
        said = Observations(reads=(1,), instance="i", started_at=0.0, tables=(table,))
        proxies = (Proxy("a", "http://a", serving=True),)
        found = progress(NAME, result, proxies, loaded_by({"http://a": said}), 0.0)
        return policy_status(result, found, PolicyTotals(DATE, self.COUNTS, **totals), before or {}, NOW)

    def test_a_served_policy_is_ready_with_its_counts_and_savings(self):
        """All columns of `kubectl get routingpolicies`."""
        result = (
            Turns()
            .turn((tier("cheap"), tier("dear")), (policy(baseline={"tierRef": {"name": "dear"}}),))
            .policies[NAME]
        )
        status = self.status(result, result.hash)
        assert status["summary"] == {"requests": "12.4k", "spendToday": "0.19", "saved": "81%", "programmed": "1/1"}
        assert status["today"] == {
            "date": DATE,
            "requests": {"simple": 9000, "moderate": 3000, "complex": 400, "pinned": 30},
            "cost": "0.190000", "baselineCost": "1.000000", "savedPercent": 81, "fallbacks": 7, "shed": 1,
        }  # fmt: skip
        assert status["programmedGeneration"] == 1
        assert status["tableHash"] == result.hash
        assert conditions(status)["Ready"] == ("True", "Ready")

    def test_programmed_is_false_and_the_generation_in_force_the_old_one_until_all_have_the_table(self):
        """From the first status of the new generation."""
        result = Turns().turn((tier("cheap"), tier("dear")), (policy(generation=2),)).policies[NAME]
        status = self.status(result, "0" * 64, before={"programmedGeneration": 1})
        assert conditions(status)["Programmed"] == ("False", "Pending")
        assert conditions(status)["Ready"] == ("False", "Pending")
        assert (status["observedGeneration"], status["programmedGeneration"]) == (2, 1)
        assert status["summary"]["programmed"] == "0/1"

    def test_a_refused_edit_shows_which_generation_is_in_force(self):
        """Accepted says what to change, programmedGeneration what is served."""
        turns = published()
        result = turns.turn(
            (tier("cheap"), tier("dear")), (policy(generation=2, routes=routes(simple="nobody")),)
        ).policies[NAME]
        status = self.status(result, result.hash)
        assert conditions(status)["Accepted"] == ("False", "TierNotFound")
        assert conditions(status)["Programmed"] == ("False", "NotAccepted")
        assert (status["observedGeneration"], status["programmedGeneration"]) == (2, 1)
        told = {each["type"]: each["message"] for each in status["conditions"]}
        assert "nobody" in told["Accepted"]
        assert told["Ready"] == "Accepted is False: see there."

    def test_the_classifiers_model_is_the_one_in_the_published_table(self):
        """The general one; or the policy's own, by name; after an edit that is refused still the one before."""
        tiers, maps = (tier("cheap"), tier("dear")), ConfigMaps({SUPPORT: {KEY: model_text()}}, models={SUPPORT})
        turns = published()
        plain = turns.turn(tiers, (policy(),)).policies[NAME]
        assert self.status(plain, plain.hash)["classifier"] == {"model": "general"}
        own = policy(generation=2, classifier={"modelRef": {"name": "support"}})
        result = turns.turn(tiers, (own,), config_maps=maps).policies[NAME]
        assert self.status(result, result.hash)["classifier"] == {"model": "support", "labels": 40}
        missing = policy(generation=3, classifier={"modelRef": {"name": "gone"}})
        result = turns.turn(tiers, (missing,), config_maps=maps).policies[NAME]
        assert self.status(result, result.hash)["classifier"] == {"model": "support", "labels": 40}

    def test_a_model_over_the_general_weights_of_another_release_is_not_said_to_be_used(self):
        """An upgrade leaves it in the table, where the new proxies pass it over."""
        tiers, maps = (tier("cheap"), tier("dear")), ConfigMaps({SUPPORT: {KEY: model_text()}}, models={SUPPORT})
        own = policy(classifier={"modelRef": {"name": "support"}})
        turns = published(policies=(own,), config_maps=maps)
        told = turns.published[NAME]
        turns.published[NAME] = replace(told, table=told.table.replace(f'"over":"{GENERAL}"', '"over":"general-0"'))
        old = ConfigMaps({SUPPORT: {KEY: model_text(over="general-0")}}, models={SUPPORT})
        result = turns.turn(tiers, (own,), config_maps=old).policies[NAME]
        status = self.status(result, result.hash)
        assert status["classifier"] == {"model": "general"}
        assert conditions(status)["ResolvedRefs"] == ("False", "ModelOutdated")
        assert not result.news

    def test_a_policy_that_never_had_a_table_classifies_with_nothing(self):
        """Absent, as everything that is not there."""
        result = Turns().turn((), (policy(),)).policies[NAME]
        assert "classifier" not in self.status(result, None)

    def test_a_day_that_may_lack_something_says_since_when(self):
        """A proxy vanished before its last counts were read."""
        result = Turns().turn((tier("cheap"), tier("dear")), (policy(),)).policies[NAME]
        status = self.status(result, result.hash, incomplete_since=NOW - 60)
        assert status["today"]["incompleteSince"] == "2026-11-24T11:59:00Z"


def test_every_status_is_one_that_the_committed_schema_takes():
    """A status that the API server refuses is lost, loudly."""
    crds = {each["spec"]["names"]["kind"]: each for each in committed_crds()}
    policies = TestPolicies()
    maps = ConfigMaps({SUPPORT: {KEY: model_text()}}, models={SUPPORT})
    own = policy(classifier={"modelRef": {"name": "support"}})
    result = Turns().turn((tier("cheap"), tier("dear")), (own,), config_maps=maps).policies[NAME]
    samples = {
        "ModelTier": tier_of({"small": endpoint(ttft=(100.0,) * 30, cut=(160.3,) * 10, output_tokens_per_second=FAST)}),
        "RoutingPolicy": policies.status(result, result.hash, incomplete_since=NOW),
    }
    for kind, status in samples.items():
        schema = crds[kind]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]
        jsonschema.validate(status, schema)
        assert not unknown(status, schema), kind


def unknown(value, schema, path=""):
    if isinstance(value, dict):
        known = schema.get("properties", {})
        return [
            found
            for key, part in value.items()
            for found in ([path + key] if key not in known else unknown(part, known[key], path + key + "."))
        ]
    if isinstance(value, list):
        return [found for part in value for found in unknown(part, schema["items"], path)]
    return []
