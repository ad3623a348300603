"""How fast the models are, as drawn values; no clock runs here."""

from random import Random
from statistics import median, quantiles

import pytest

from tierway_cli.provider import NORMAL, SCENARIOS, Figures
from tierway_cli.provider.pace import draw_pace


def seeded(seed):
    return Random(seed)  # noqa: S311 - jitter, not secrets


def test_the_normal_day_holds_its_limits_in_most_requests():
    """With a median of 0.8 x the limit, the 95th percentile of TTFT stays under 0.93 x the limit."""
    random = seeded(7)
    drawn = [draw_pace(NORMAL[0], "us-east", 1, random).first_seconds * 1000 for _ in range(4000)]
    assert median(drawn) == pytest.approx(128, rel=0.02)
    assert quantiles(drawn, n=20)[18] < 0.93 * 160


def test_tokens_come_at_the_models_rate():
    """The median answer has the model's tokens per second, over all its gaps."""
    random = seeded(7)
    paces = [draw_pace(NORMAL[0], "us-east", 1, random) for _ in range(500)]
    rates = [100 / sum(pace.gap() for _ in range(100)) for pace in paces]
    assert median(rates) == pytest.approx(75, rel=0.02)
    assert quantiles(rates, n=20)[0] > 65


@pytest.mark.parametrize("region", ["ap-southeast", "asia-east1"])
def test_models_hosted_in_asia_are_nearer_there(region):
    """A caller in Asia sees 16-20% less TTFT, and the same throughput."""
    for model in NORMAL:
        assert 0.80 <= model.ttft_seconds(region) / model.ttft_seconds("us-east") <= 0.84


def test_speed_divides_all_times():
    """Ten times as fast is a tenth of every wait."""
    slow, fast = (draw_pace(NORMAL[0], "us-east", speed, seeded(1)) for speed in (1, 10))
    assert fast.first_seconds == pytest.approx(slow.first_seconds / 10)
    assert fast.gap_seconds == pytest.approx(slow.gap_seconds / 10)


def test_as_benchmarked_plays_the_averages_of_the_tiers():
    """The scenario keeps the models and takes the figures of their tiers."""
    played = {model.name: (model.ttft_ms, model.tokens_per_second) for model in SCENARIOS["as-benchmarked"]}
    assert played["Qwen3-8B"] == (135, 75)
    assert played["Kimi-K2.5"] == (725, 18)
    assert list(played) == [model.name for model in NORMAL]


def test_a_seed_makes_the_jitter_repeatable():
    """The same seed draws the same pace, another one another."""
    model = Figures("m", 100, 50)
    first, same, other = (draw_pace(model, "us-east", 1, seeded(seed)).first_seconds for seed in (1, 1, 2))
    assert first == same != other
