"""RoutingPolicies that both stores refuse."""

from tests.resources.bad import Bad, bad_policy
from tests.resources.documents import REMOVED

TIER_REF = {"tierRef": {"name": "small"}}
FIRST_RULE = "spec.rules[0]"


def _expression(what: str, value: str, reason: str, part: str = "") -> Bad:
    match = {"headers": [{"name": "x-team", "type": "RegularExpression", "value": value}]}
    return bad_policy(what, f"{FIRST_RULE}.match", match, reason, f"{FIRST_RULE}.match.headers[0]{part}", rule=True)


BAD_POLICIES = (
    bad_policy("no routes", "spec.routes", REMOVED, "is required"),
    bad_policy("a class without route", "spec.routes[2]", REMOVED, "one route for each", "spec.routes", rule=True),
    bad_policy("a class twice", "spec.routes[2].class", "Simple", "stands twice", "spec.routes[2]"),
    bad_policy("an unknown class", "spec.routes[0].class", "simple", "must be Simple or Moderate or Complex"),
    bad_policy("a route to nowhere", "spec.routes[0].candidates", [], "at least 1"),
    bad_policy("a candidate without tier", "spec.routes[0].candidates", [{"models": ["m1"]}], "is required",
               "spec.routes[0].candidates[0].tierRef"),
    bad_policy("a candidate twice", "spec.routes[0].candidates", [TIER_REF, TIER_REF], "stands twice", rule=True),
    bad_policy("a candidate twice, its models in another order", "spec.routes[0].candidates",
               [{**TIER_REF, "models": ["a", "b"]}, {**TIER_REF, "models": ["b", "a"]}], "stands twice", rule=True),
    bad_policy("a candidate with no models", "spec.routes[0].candidates", [{**TIER_REF, "models": []}], "at least 1",
               "spec.routes[0].candidates[0].models"),
    bad_policy("more candidates than anybody tries", "spec.routes[0].candidates",
               [{"tierRef": {"name": f"t{number}"}} for number in range(17)], "at most 16 entries, not 17"),
    bad_policy("a tier name in capitals", "spec.routes[0].candidates[0].tierRef.name", "Small", "must be lower-case"),
    bad_policy("a namespace with a dot", "spec.routes[0].candidates[0].tierRef.namespace", "a.b", "must be lower-case"),
    bad_policy("a rule for every request", f"{FIRST_RULE}.match", {}, "a rule must match something", rule=True),
    bad_policy("a rule without match", f"{FIRST_RULE}.match", REMOVED, "is required"),
    bad_policy("a rule without name", f"{FIRST_RULE}.name", REMOVED, "is required"),
    bad_policy("a rule that does nothing", f"{FIRST_RULE}.use", {}, "exactly one of class", rule=True),
    bad_policy("a rule that does two things", f"{FIRST_RULE}.use", {"class": "Simple", "model": "m1"},
               "exactly one of class, tierRef and model", rule=True),
    bad_policy("two rules of one name", "spec.rules[1]",
               {"name": "r1", "match": {"tools": False}, "use": {"class": "Simple"}}, "the same name", "spec.rules",
               rule=True),
    bad_policy("a length from more to less", f"{FIRST_RULE}.match", {"inputTokens": {"min": 2, "max": 1}},
               "min cannot be greater than max", f"{FIRST_RULE}.match.inputTokens.min", rule=True),
    bad_policy("a length without bounds", f"{FIRST_RULE}.match", {"inputTokens": {}}, "give min, max or both",
               f"{FIRST_RULE}.match.inputTokens", rule=True),
    bad_policy("a header match without value", f"{FIRST_RULE}.match", {"headers": [{"name": "x-team"}]}, "is required",
               f"{FIRST_RULE}.match.headers[0].value"),
    bad_policy("an empty list of headers", f"{FIRST_RULE}.match", {"headers": []}, "at least 1",
               f"{FIRST_RULE}.match.headers"),
    bad_policy("tools as a word", f"{FIRST_RULE}.match.tools", "yes", "must be true or false"),
    _expression("an expression that is none", "team-(a|b", "must be a regular expression"),
    _expression("an expression that looks ahead", "(?=a)b", "must be a regular expression"),
    _expression("an expression of Unicode classes, which Python lacks", r"\pL+", "have in common", ".value"),
    _expression("an expression whose flags come late, which Python refuses", "a(?i)b", "have in common", ".value"),
    bad_policy("an unknown pin", "spec.pins", {"model": "Maybe"}, "must be Allow or Deny", "spec.pins.model"),
    bad_policy("an unknown preset", "spec.classifier", {"preset": "Wild"}, "must be Balanced or Safe or Thrifty",
               "spec.classifier.preset"),
    bad_policy("one boundary of two", "spec.classifier", {"boundaries": {"moderatePercent": 45}}, "is required",
               "spec.classifier.boundaries.complexPercent"),
    bad_policy("a boundary of nothing", "spec.classifier",
               {"boundaries": {"moderatePercent": 0, "complexPercent": 40}}, "at least 1",
               "spec.classifier.boundaries.moderatePercent"),
    bad_policy("a boundary of certainty", "spec.classifier",
               {"boundaries": {"moderatePercent": 45, "complexPercent": 100}}, "at most 99",
               "spec.classifier.boundaries.complexPercent"),
    bad_policy("a boundary as a probability", "spec.classifier",
               {"boundaries": {"moderatePercent": 0.45, "complexPercent": 40}}, "must be a whole number",
               "spec.classifier.boundaries.moderatePercent"),
    bad_policy("a model without name", "spec.classifier", {"modelRef": {}}, "is required",
               "spec.classifier.modelRef.name"),
    bad_policy("a model's name in capitals", "spec.classifier", {"modelRef": {"name": "Support"}},
               "must be lower-case", "spec.classifier.modelRef.name"),
    bad_policy("no attempt at all", "spec.fallback", {"maxAttempts": 0}, "at least 1", "spec.fallback.maxAttempts"),
    bad_policy("a delay of hours", "spec.fallback", {"delayMilliseconds": 7200000}, "at most 60000",
               "spec.fallback.delayMilliseconds"),
    bad_policy("hedging, which does not exist yet", "spec.fallback", {"onSlowFirstToken": "Hedge"},
               "must be NextCandidate", "spec.fallback.onSlowFirstToken"),
    bad_policy("a time-out in text", "spec.streaming", {"stallMilliseconds": "30s"}, "must be a whole number",
               "spec.streaming.stallMilliseconds"),
    bad_policy("a buffer of nothing", "spec.streaming", {"bufferBytes": 0}, "at least 1024",
               "spec.streaming.bufferBytes"),
    bad_policy("a baseline model of no tier", "spec.baseline", {"model": "m1"}, "is required", "spec.baseline.tierRef"),
)  # fmt: skip
