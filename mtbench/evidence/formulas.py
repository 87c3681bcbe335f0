"""Formulas of paired tests: correction for their number, effect size, assurance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np

ASSURANCE = 0.8
"""At which a difference is called detectable: found four times in five."""
_POINTS = 400


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


def t_beyond(share: float, df: float) -> float:
    """The value that Student's t of these degrees of freedom is above with a chance of `share`."""
    from scipy import special  # noqa: PLC0415 - a quarter of a second; `stats` takes one and a half

    return -float(special.stdtrit(df, share))


def t_above(value: float, df: float) -> float:
    """The chance of Student's t to be above a value."""
    from scipy import special  # noqa: PLC0415

    return float(special.stdtr(df, -value))


@cache
def assured_difference(n: int, level: float = 0.05, assurance: float = ASSURANCE) -> float:
    """The true mean difference that a further study is assured to find, in spreads as seen here.

    A study of n pairs saw the standard deviation s₁. A further one of n pairs, with an s₂ of its
    own, finds the difference c s₁ where t₂ is beyond the critical value t of a two-sided t test, on
    the right side. Given s₁ that has the power P(T > t), T noncentral with c √n s₁ / σ; its mean
    over s₁, which is σ √(χ²/(n − 1)), is the assurance. c is where that is the one asked for. Power
    that takes s₁ for σ would fall short: of 3 pairs by far.

    Source: O'Hagan, Stevens and Campbell, Assurance in clinical trial design, 2005 (eq. 2: power
    averaged over what is not known).

    Args:
        n: Number of pairs, at least 3.
        level: Of the test.
        assurance: Share of studies that are to find it, over both their chances.

    Returns:
        c, a factor of the standard deviation.
    """
    from scipy import optimize, special  # noqa: PLC0415 - half a second

    df = n - 1
    shares = (np.arange(_POINTS) + 0.5) / _POINTS
    ratios = np.sqrt(special.chdtri(df, 1 - shares) / df)  # s₁ / σ, at even shares of its chance
    critical = special.stdtrit(df, 1 - level / 2)

    def lacking(noncentrality: float) -> float:
        missed = special.nctdtr(df, noncentrality * ratios, critical)
        return float(np.mean(missed)) - (1 - assurance)

    high = critical
    while lacking(high) > 0:
        high *= 2
    return float(optimize.brentq(lacking, 0, high, rtol=1e-4)) / math.sqrt(n)
