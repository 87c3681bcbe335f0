"""Paired comparison of two scenarios: interval, test, effect, and what could have been found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from mtbench.errors import RecordError

from .formulas import hedges_correction, holm, smallest_detectable

MIN_PAIRS = 3
"""Fewer pairs support no claim: two give a spread with one degree of freedom, which is none."""
Verdict = Literal[
    "better", "worse", "no evidence of a difference", "too few seeds", "too few users"
]
_ROUNDING = 32 * np.finfo(np.float64).eps
"""Relative to the values: a difference below this is one of summation, not of results."""


@dataclass(frozen=True)
class Comparison:
    """Scenario b against scenario a in one metric, over pairs of runs (or of users)."""

    metric: str
    """`task/metric`."""
    a: str
    """Name of the scenario that is compared with."""
    b: str
    """Name of the scenario that the comparison is about."""
    n: int
    """Number of pairs."""
    mean: float
    """Mean over the pairs of b − a, in the metric's unit, its sign such that + is better for b."""
    low: float | None
    """Lower end of the interval of `mean`, for this comparison alone."""
    high: float | None
    p: float | None
    """Two-sided p-value of this comparison alone."""
    p_adjusted: float | None
    """The same after Holm's correction over the whole family; what the verdict goes by."""
    effect: float | None
    """Cohen's d_z with Hedges's correction; None where the differences do not vary."""
    detectable: float | None
    """Smallest true difference found with power 0.8, in the metric's unit."""
    verdict: Verdict
    sd: float | None = None
    """Sample standard deviation of the differences, None for a single pair."""
    family: int = 1
    """Number of comparisons with a p-value that were corrected together."""
    confidence: float = 0.95
    """Of the interval; 1 − confidence is the level of the verdict."""
    over: Literal["seeds", "users"] = "seeds"
    """What the pairs are."""


def check_confidence(confidence: float) -> None:
    """Refuse what is no confidence.

    Raises:
        RecordError: It is not from 0.5 to below 1.
    """
    if not 0.5 <= confidence < 1:
        raise RecordError(f"expected a confidence from 0.5 to below 1, found {confidence}")


def differences(values_a: np.ndarray, values_b: np.ndarray, higher_is_better: bool) -> np.ndarray:
    """Differences b − a of pairs, + where b is better; those of rounding alone are 0.

    Args:
        values_a: float64 `[n]`.
        values_b: float64 `[n]`, paired with `values_a`.
        higher_is_better: Direction of the metric.

    Returns:
        float64 `[n]`.
    """
    found = (values_b - values_a) * (1 if higher_is_better else -1)
    rounding = _ROUNDING * np.maximum(np.abs(values_a), np.abs(values_b))
    return np.where(np.abs(found) <= rounding, 0.0, found)


def compare_values(
    values_a: np.ndarray,
    values_b: np.ndarray,
    names: tuple[str, str, str],
    higher_is_better: bool,
    confidence: float = 0.95,
) -> Comparison:
    """Compare paired values with Student's t: interval and test of their mean difference.

    Where all differences are one number there is no spread to judge by: p is 1 if that number is
    0, else 0, and the interval has no width.

    Args:
        values_a: Values of a, `[n]`, at least one.
        values_b: Values of b, paired with them, `[n]`.
        names: `task/metric` and the names of a and b.
        higher_is_better: Direction of the metric.
        confidence: Of the interval, from 0.5 to below 1.

    Returns:
        The comparison as a family of its own; `correct` makes a family of several.

    Raises:
        RecordError: The values are no pairs, or `confidence` is none.
    """
    check_confidence(confidence)
    a, b = np.asarray(values_a, np.float64), np.asarray(values_b, np.float64)
    if a.shape != b.shape or a.ndim != 1 or not len(a):
        raise RecordError(f"expected pairs of values, found shapes {a.shape} and {b.shape}")
    found = differences(a, b, higher_is_better)
    n, mean = len(found), float(np.mean(found))
    sd = float(np.std(found, ddof=1)) if n > 1 else None
    if sd is not None and sd <= _ROUNDING * max(np.abs(a).max(), np.abs(b).max()):
        sd = 0.0
    low, high, p = _t_test(found, sd, confidence)
    effect = hedges_correction(n - 1) * mean / sd if p is not None and sd else None
    one = Comparison(
        *names, n, mean, low, high, p, p, effect, None, "too few seeds", sd, 1, confidence
    )
    return correct([one])[0]


def _t_test(
    found: np.ndarray, sd: float | None, confidence: float
) -> tuple[float | None, float | None, float | None]:
    """Interval and p-value of the mean of differences."""
    if len(found) < MIN_PAIRS:
        return None, None, None
    mean = float(np.mean(found))
    if not sd:
        return mean, mean, float(mean == 0)
    from scipy import stats  # noqa: PLC0415 - half a second

    result = stats.ttest_1samp(found, 0.0)
    interval = result.confidence_interval(confidence)
    return float(interval.low), float(interval.high), float(result.pvalue)


def correct(comparisons: Iterable[Comparison]) -> list[Comparison]:
    """Judge comparisons as one family: Holm's correction, verdicts, detectable differences.

    A detectable difference is that of the family's first step, at level α / m for m tests: whatever
    becomes of the others, a true difference of that size is found with power 0.8 or more.

    Source: Holm, A simple sequentially rejective multiple test procedure, 1979.

    Args:
        comparisons: With p-values, or without where they have too few pairs.
    """
    comparisons = list(comparisons)
    adjusted = holm([c.p for c in comparisons if c.p is not None])
    family, rest = len(adjusted), iter(adjusted)
    judged = []
    for one in comparisons:
        if one.p is None or one.sd is None:
            judged.append(replace(one, verdict=_too_few(one.over), family=family))
            continue
        p = next(rest)
        level = 1 - one.confidence
        detectable = smallest_detectable(one.n, one.sd, level / family) if one.sd else None
        judged.append(
            replace(
                one,
                p_adjusted=p,
                detectable=detectable,
                verdict=_verdict(one.mean, p, level),
                family=family,
            )
        )
    return judged


def _too_few(over: Literal["seeds", "users"]) -> Verdict:
    return "too few seeds" if over == "seeds" else "too few users"


def _verdict(mean: float, p: float, level: float) -> Verdict:
    if p >= level:
        return "no evidence of a difference"
    return "better" if mean > 0 else "worse"
