"""Objects that both stores refuse, each with the field to blame and a piece of the reason."""

from tests.resources.bad import bad_policy, bad_tier
from tests.resources.bad_policies import BAD_POLICIES
from tests.resources.bad_tiers import BAD_TIERS

REFUSED = (*BAD_TIERS, *BAD_POLICIES)

UNKNOWN_FIELDS = (
    bad_tier("a field that does not exist", "spec.tier", "x", 'unknown field "spec.tier"'),
    bad_tier("a misspelt field", "spec.models[0].upstreamModle", "x", "did you mean upstreamModel?"),
    bad_tier("a field in the wrong case", "spec.providers[0].baseUrl", "x", "did you mean baseURL?"),
    bad_tier("a field of a later release", "spec.tuning", {"mode": "Off"}, 'unknown field "spec.tuning"'),
    bad_tier("an unknown field of metadata", "metadata.nam", "x", 'unknown field "metadata.nam"'),
    bad_policy("an unknown field deep inside", "spec.routes[0].candidates[0].tierRef.kind", "ModelTier",
            'unknown field "spec.routes[0].candidates[0].tierRef.kind"'),
)  # fmt: skip
