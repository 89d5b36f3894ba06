"""Few numbers that stand for many. Pure."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def percentile(rounds: Sequence[Sequence[float]], share: float) -> float:
    """Of all rounds together, nearest rank: the least that ``share`` (0 to 1) do not exceed."""
    ordered = sorted(itertools.chain.from_iterable(rounds))
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def paired_ratio(over: Sequence[float], under: Sequence[float]) -> float:
    """Median of the rounds' ratios: what slows a whole round down cancels out."""
    return statistics.median(a / b for a, b in zip(over, under, strict=True))


def bar(value: float, largest: float, width: int = 24) -> str:
    """``value`` as a bar of text, ``largest`` being ``width`` characters long."""
    eighths = round(8 * width * value / largest) if largest > 0 else 0
    whole, rest = divmod(min(max(eighths, 1), 8 * width), 8)
    return "█" * whole + (chr(0x2590 - rest) if rest else "")
