"""What an operator publishes, as text: a good table and state of a policy, to be bent by tests."""

import json
from typing import Any

POLICY = "llm/default"


def table(policy: str = POLICY, generation: int = 1, credential: str | None = None, **changed: Any) -> str:
    tier = {
        "providers": {"us": {"base_url": "https://provider.example/v1", "credential": credential}},
        "models": [
            {
                "name": "small",
                "endpoints": [
                    {
                        "provider": "us",
                        "upstream_model": "Small",
                        "price": {"input": 10_000, "cached_input": 10_000, "output": 10_000},
                    }
                ],
            }
        ],
    }
    route = {"candidates": [{"tier": "llm/budget"}]}
    whole = {
        "version": 1,
        "policy": policy,
        "generation": generation,
        "tiers": {"llm/budget": tier},
        "routes": {"Simple": route, "Moderate": route, "Complex": route},
    }
    return json.dumps(whole | changed)


def state(policy: str = POLICY, sequence: int = 1, **changed: Any) -> str:
    return json.dumps({"version": 1, "policy": policy, "sequence": sequence} | changed)
