"""One object of each kind with every field that its spec has: the shapes that users hold us to, spelt out.

A field that is renamed or moved breaks here first. There is no conversion: these may only grow.
"""

from typing import Any, Final

PRICE: Final = {
    "inputPerMillionTokens": "0.01",
    "cachedInputPerMillionTokens": "0.001",
    "outputPerMillionTokens": "0.02",
    "perRequest": "0",
}

FULL_TIER: Final[dict[str, Any]] = {
    "apiVersion": "tierway.dev/v1alpha1",
    "kind": "ModelTier",
    "metadata": {"name": "ultra-budget"},
    "spec": {
        "allowedPolicies": {"from": "Namespaces", "namespaces": ["research"]},
        "providers": [
            {
                "name": "us",
                "baseURL": "https://api.example.com/v1",
                "region": "us-east",
                "credentialRef": {"name": "provider-key", "key": "api-key"},
                "auth": {"scheme": "Header", "headerName": "x-api-key"},
                "headers": [{"name": "x-org", "value": "tierway"}],
                "caBundleRef": {"name": "authorities", "key": "ca.crt"},
                "maxConcurrentRequests": 200,
                "compatibility": {"streamUsage": "Supported", "outputLimitParameter": "max_completion_tokens"},
            }
        ],
        "models": [
            {
                "name": "qwen3-8b",
                "upstreamModel": "Qwen3-8B",
                "state": "Active",
                "endpoints": [{"provider": "us", "upstreamModel": "Qwen/Qwen3-8B", "price": PRICE}],
                "price": PRICE,
                "limits": {
                    "maxTTFTMilliseconds": 160,
                    "maxTTFTPer1KInputTokensMilliseconds": 0,
                    "minOutputTokensPerSecond": 65,
                },
                "contextWindowTokens": 32768,
                "maxOutputTokens": 1024,
                "capabilities": ["Tools", "Vision", "JSONSchema"],
                "reasoning": "Optional",
            }
        ],
    },
}

FULL_POLICY: Final[dict[str, Any]] = {
    "apiVersion": "tierway.dev/v1alpha1",
    "kind": "RoutingPolicy",
    "metadata": {"name": "default"},
    "spec": {
        "routes": [
            {
                "class": "Simple",
                "candidates": [{"tierRef": {"name": "ultra-budget"}}, {"tierRef": {"name": "budget"}}],
                "maxOutputTokens": 512,
            },
            {"class": "Moderate", "candidates": [{"tierRef": {"name": "budget"}}]},
            {
                "class": "Complex",
                "candidates": [
                    {"tierRef": {"name": "mid-range", "namespace": "shared"}, "models": ["deepseek-v4-pro"]}
                ],
            },
        ],
        "rules": [
            {
                "name": "all",
                "match": {
                    "headers": [{"name": "x-team", "type": "RegularExpression", "value": "legal|finance"}],
                    "callers": ["web/frontend", "batch"],
                    "namespaces": ["web"],
                    "models": ["auto"],
                    "tools": False,
                    "images": False,
                    "inputTokens": {"min": 1, "max": 1000},
                },
                "use": {"class": "Complex"},
            },
            {"name": "tier", "match": {"tools": True}, "use": {"tierRef": {"name": "budget", "namespace": "llm"}}},
            {"name": "model", "match": {"images": True}, "use": {"model": "glm-5"}},
        ],
        "pins": {"class": "Allow", "tier": "Deny", "model": "Deny", "callers": ["batch"], "namespaces": ["web"]},
        "unknownModels": "Classify",
        "classifier": {
            "preset": "Thrifty",
            "boundaries": {"moderatePercent": 45, "complexPercent": 40},
            "onUncertain": "AsClassified",
            "modelRef": {"name": "support-3f9c2a1b"},
        },
        "fallback": {"maxAttempts": 3, "delayMilliseconds": 0, "onSlowFirstToken": "NextCandidate"},
        "streaming": {
            "upstream": "AsRequested",
            "firstTokenTimeoutMilliseconds": 30000,
            "stallMilliseconds": 30000,
            "bufferBytes": 65536,
        },
        "outputLimit": {"onExceeded": "Reject"},
        "baseline": {"tierRef": {"name": "premium", "namespace": "llm"}, "model": "glm-5"},
    },
}
