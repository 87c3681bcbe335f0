"""Formulas of paired tests: correction for their number, effect size, power."""

from __future__ import annotations

import math
from collections.abc import Sequence

POWER = 0.8
"""Power at which a difference is called detectable: found four times in five."""


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values: the largest (m − j + 1) p₍ⱼ₎ up to each, at most 1.

    Args:
        p_values: m of them.

    Returns:
        In the order of `p_values`.
    """
    adjusted, largest = [0.0] * len(p_values), 0.0
    for step, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - step) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def hedges_correction(df: int) -> float:
    """The factor that frees a standardised mean difference of its bias in small samples.

    Γ(m/2) / (√(m/2) Γ((m − 1)/2)) for m degrees of freedom, at least 2.
    Source: Hedges, Distribution theory for Glass's estimator of effect size, 1981, eq. 6e.
    """
    return math.exp(math.lgamma(df / 2) - math.lgamma((df - 1) / 2)) / math.sqrt(df / 2)


def smallest_detectable(n: int, sd: float, level: float = 0.05, power: float = POWER) -> float:
    """The true mean difference that a two-sided t test over n pairs finds with a power.

    Found means beyond the critical value on the right side, where δ √n / σ is the noncentrality
    of t. Source: Cohen, Statistical power analysis for the behavioral sciences, 1988, chapter 2.

    Args:
        n: Number of pairs, at least 2.
        sd: Standard deviation σ of the differences.
        level: Of the test, below `power`.
        power: Share of repetitions in which it is to be found.

    Returns:
        δ, in the unit of `sd`.
    """
    from scipy import special  # noqa: PLC0415 - half a second

    critical = special.stdtrit(n - 1, 1 - level / 2)
    return float(special.nctdtrinc(n - 1, 1 - power, critical) * sd / math.sqrt(n))
