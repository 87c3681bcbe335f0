"""Paired comparison of two scenarios: interval, test, effect, and what could have been found."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from mtbench.errors import RecordError

from .changes import Change, Over, Verdict, change_of_pairs, judge
from .formulas import hedges_correction, holm, smallest_detectable


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
    over: Over = "seeds"
    """What the pairs are."""

    @property
    def change(self) -> Change:
        """What is judged: the change of the mean, + is better for b."""
        df = self.n - 1 if self.p is not None else 0
        error = abs(self.mean) and math.inf if self.sd is None else self.sd / math.sqrt(self.n)
        return Change(self.n, self.n, True, self.mean, self.sd, error, df, 0.0)


def check_confidence(confidence: float) -> None:
    """Refuse what is no confidence.

    Raises:
        RecordError: It is not from 0.5 to below 1.
    """
    if not 0.5 <= confidence < 1:
        raise RecordError(f"expected a confidence from 0.5 to below 1, found {confidence}")


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
    change = change_of_pairs(a, b) if higher_is_better else change_of_pairs(-a, -b)
    low, high = change.interval(confidence) or (None, None)
    p, sd = change.p, change.sd
    effect = hedges_correction(len(a) - 1) * change.mean / sd if p is not None and sd else None
    alone = Comparison(
        *names,
        len(a),
        change.mean,
        low,
        high,
        p,
        p,
        effect,
        None,
        "too few seeds",
        sd,
        1,
        confidence,
    )
    return correct([alone])[0]


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
    for comparison in comparisons:
        level = 1 - comparison.confidence
        p = None if comparison.p is None else next(rest)
        detectable = None
        if p is not None and comparison.sd:
            detectable = smallest_detectable(comparison.n, comparison.sd, level / family)
        verdict = judge(comparison.change, p, level, True, comparison.over)
        judged.append(
            replace(comparison, p_adjusted=p, detectable=detectable, verdict=verdict, family=family)
        )
    return judged
