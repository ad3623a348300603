"""Objects that both stores accept, among them what only just passes."""

from tests.resources.documents import policy, tier
from tests.resources.full_objects import FULL_POLICY, FULL_TIER

URLS = (
    "https://api.example.com",
    "https://api.example.com:8443/v1/",
    "https://10.0.0.1/v1",
    "https://[2001:db8::1]:443/v1",
    "http://vllm/v1",
    "http://vllm.models:8000/v1",
    "http://vllm.models.svc/v1",
    "http://vllm.models.svc.cluster.local:8000/v1",
    "http://localhost:9101/v1",
    "http://127.0.0.1:9101/v1",
    "http://[::1]:9101/v1",
)
EXPRESSIONS = ("team-(a|b)", "(?i)legal.*", r"\d{3}", "(?P<team>[a-z]+)-x", "(?:a|b)+")

ACCEPTED = {
    "the least that a tier needs": tier(),
    "the least that a policy needs": policy(),
    "a tier with every field": FULL_TIER,
    "a policy with every field": FULL_POLICY,
    **{f"base URL {url}": tier({"spec.providers[0].baseURL": url}) for url in URLS},
    **{
        f"expression {value}": policy(
            {"spec.rules[0].match": {"headers": [{"name": "x", "type": "RegularExpression", "value": value}]}}
        )
        for value in EXPRESSIONS
    },
    "a header match that says nothing of its type": policy(
        {"spec.rules[0].match": {"headers": [{"name": "x-team", "value": "("}]}}
    ),
    "a tier for its own namespace, in other words": tier({"spec.allowedPolicies": {}}),
    "no namespaces, written out": tier({"spec.allowedPolicies": {"from": "All", "namespaces": []}}),
    "a key in a header": tier({"spec.providers[0].auth": {"scheme": "Header", "headerName": "Authorization"}}),
    "a key's header beside others": tier(
        {
            "spec.providers[0].auth": {"scheme": "Header", "headerName": "x-api-key"},
            "spec.providers[0].headers": [{"name": "X-Org", "value": "a b"}],
        }
    ),
    "a fraction that is none": tier({"spec.models[0].contextWindowTokens": 4096.0}),
    "fields that YAML reads as null": tier({"spec.models[0].limits": None, "spec.providers[0].auth": None}),
    "null where a default stands": tier({"spec.allowedPolicies": {"from": None}}),
    "a model with a slash and a colon": tier({"spec.models[0].name": "Qwen/Qwen3:8b@fp8"}),
    "one tier twice with other models": policy(
        {
            "spec.routes[0].candidates": [
                {"tierRef": {"name": "small"}, "models": ["a"]},
                {"tierRef": {"name": "small"}, "models": ["b"]},
            ]
        }
    ),
    "the same name in two namespaces": policy(
        {
            "spec.routes[0].candidates": [
                {"tierRef": {"name": "small"}},
                {"tierRef": {"name": "small", "namespace": "b"}},
            ]
        }
    ),
    "a status, which is not the user's to write": tier({"status": {"observedGeneration": 7}}),
    "a dearest price": tier({"spec.models[0].price.perRequest": "999999999.999999"}),
    "a window and an answer of one length": tier(
        {"spec.models[0].contextWindowTokens": 1000, "spec.models[0].maxOutputTokens": 1000}
    ),
}
