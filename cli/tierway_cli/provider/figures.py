"""How fast each simulated model is: figures as data, and no clock.

The figures come from a benchmark of May 2026 (fifteen models behind one unified endpoint, US East and Asia Pacific),
of which the routing registry kept eight. The benchmark gives limits per model and averages per tier. The averages break
several of the limits (premium: 725 ms and 18 tokens/s against 520 ms and 20), so there are two scenarios:

- ``normal``, the normal day: median TTFT is 0.8 x the model's TTFT limit and tokens/s 1.15 x its throughput limit, so
  that a limit is broken now and then and not on every request;
- ``as-benchmarked``: each model plays the average of its tier.

Which models reason, and how much less TTFT each has in Asia (16-20% in the benchmark, spread here), is our invention.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

Reasoning = Literal["None", "Optional", "Always"]


@dataclass(frozen=True, slots=True)
class Figures:
    """One simulated model.

    ``ttft_ms`` is the median in milliseconds as seen from the US, ``tokens_per_second`` the median of one answer.
    ``Optional`` reasoning happens when the request asks for it.
    """

    name: str
    ttft_ms: float
    tokens_per_second: float
    asia_discount_percent: float = 18
    reasoning: Reasoning = "None"

    def ttft_seconds(self, region: str) -> float:
        """Return the median TTFT in seconds for a caller in a region: ``ap-…`` and ``asia…`` are nearer."""
        discount = self.asia_discount_percent if region.startswith(("ap-", "asia")) else 0
        return self.ttft_ms / 1000 * (1 - discount / 100)


NORMAL = (
    Figures("Qwen3-8B", 128, 75, 16),
    Figures("Step-3.5-Flash", 104, 80, 17),
    Figures("DeepSeek-V4-Flash", 160, 57, 18),
    Figures("Hunyuan-TurboS", 168, 57, 20),
    Figures("Qwen3.5-27B", 288, 34, 16),
    Figures("DeepSeek-V4-Pro", 336, 29, 18, "Optional"),
    Figures("GLM-5", 416, 23, 19, "Optional"),
    Figures("Kimi-K2.5", 496, 21, 20, "Optional"),
)

_TIER_AVERAGES = {  # tier: (TTFT ms, tokens/s, its models)
    "ultra-budget": (135, 75, ("Qwen3-8B", "Step-3.5-Flash")),
    "budget": (193, 53, ("DeepSeek-V4-Flash", "Hunyuan-TurboS")),
    "mid-range": (312, 41, ("Qwen3.5-27B", "DeepSeek-V4-Pro")),
    "premium": (725, 18, ("GLM-5", "Kimi-K2.5")),
}


def _as_benchmarked() -> tuple[Figures, ...]:
    averages = {name: (ttft, rate) for ttft, rate, names in _TIER_AVERAGES.values() for name in names}
    return tuple(
        replace(model, ttft_ms=averages[model.name][0], tokens_per_second=averages[model.name][1]) for model in NORMAL
    )


SCENARIOS: Mapping[str, tuple[Figures, ...]] = {"normal": NORMAL, "as-benchmarked": _as_benchmarked()}
