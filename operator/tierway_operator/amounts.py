"""Amounts as statuses write them: money rounded once, half to even, and short forms for columns."""

from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

PICO: Final = 10**12
"""Pico-dollars of a dollar."""
_MICRO: Final = Decimal("0.000001")
_PER_MILLION: Final = 10**6
_TENTH_SHOWN_BELOW: Final = 10.0


def money(pico: int) -> str:
    """Return pico-dollars as a decimal string of six decimals: the only place where money is rounded."""
    return f"{(Decimal(pico) / PICO).quantize(_MICRO, ROUND_HALF_EVEN):f}"


def per_million(pico: int, tokens: int) -> str | None:
    """Return a cost for each million of tokens, as money; None without tokens."""
    if tokens == 0:
        return None
    return f"{(Decimal(pico) * _PER_MILLION / PICO / tokens).quantize(_MICRO, ROUND_HALF_EVEN):f}"


def short_money(pico: int) -> str:
    """Return money for a column: cents, and two figures of what is less than a dollar (`0.24`, `0.0031`)."""
    dollars = Decimal(pico) / PICO
    if dollars == 0:
        return "0"
    if dollars < _MICRO / 2:
        return "<0.000001"
    decimals = 2 if dollars >= 1 else min(6, max(2, 1 - dollars.adjusted()))
    return f"{dollars.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN):f}"


def short_count(number: int) -> str:
    """Return a count for a column: `950`, `12.4k`, `3.1M`. Cut, not rounded: 999,999 is no million."""
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if number >= size:
            tenths = number * 10 // size
            return f"{tenths // 10}.{tenths % 10}{unit}" if tenths < 1000 and tenths % 10 else f"{tenths // 10}{unit}"
    return str(number)


def percent(part: int, whole: int) -> str | None:
    """Return a share for a column: one decimal below 10%, never `0%` for what is there. None of nothing."""
    if whole == 0:
        return None
    share = 100 * part / whole
    if 0 < share < 0.1:
        return "<0.1%"
    text = f"{share:.1f}" if share < _TENTH_SHOWN_BELOW else f"{share:.0f}"
    return f"{text.removesuffix('.0')}%"


def saved_percent(cost: int, baseline: int) -> int | None:
    """Return how much less than the baseline was spent, in whole percent; None without a baseline."""
    if baseline == 0:
        return None
    share = (Decimal(100) * (baseline - cost) / baseline).quantize(Decimal(1), ROUND_HALF_EVEN)
    return max(-(2**31), int(share))


def timestamp(time: float) -> str:
    """Return seconds since the epoch as Kubernetes writes times: UTC, whole seconds."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
