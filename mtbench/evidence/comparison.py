"""Paired comparison of two scenarios: interval, test, effect, and what could have been found."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from mtbench.errors import RecordError

from .changes import MIN_PAIRS, Change, Verdict, change_of_pairs, judge
from .formulas import assured_difference, hedges_correction, holm, t_beyond

LARGEST_SHARE = 0.2501
"""Of a test part, a quarter but for rounding, for which there is an interval for other data."""
Over = Literal["seeds", "splits", "seeds and users"]
"""What there are several values of."""


@dataclass(frozen=True)
class Comparison:
    """Scenario b against scenario a in one metric, over pairs of runs.

    The interval and the verdict are about this data set: about the mean difference over all that
    varied from seed to seed (`Over`), splits and initial weights, or initial weights alone.
    """

    metric: str
    """`task/metric`."""
    a: str
    """Name of the scenario that is compared with."""
    b: str
    """Name of the scenario that the comparison is about."""
    n: int
    """Number of pairs: seeds, or splits where several seeds share one."""
    mean: float
    """Mean over the pairs of b − a, in the metric's unit, its sign such that + is better for b."""
    low: float | None
    """Lower end of the interval of `mean`, for this comparison alone."""
    high: float | None
    p: float | None
    """Two-sided p-value of this comparison alone; of what was chosen by results see `planned`."""
    p_adjusted: float | None
    """The same after Holm's correction over the whole family; what the verdict goes by."""
    effect: float | None
    """Cohen's d_z with Hedges's correction; None where the differences do not vary."""
    detectable: float | None
    """The true difference that four of five further suites of this kind would find, in the metric's
    unit; None where it is larger than the values themselves."""
    verdict: Verdict
    sd: float | None = None
    """Sample standard deviation of the differences, None for a single pair; of counts see
    `changes.change_of_pairs`."""
    family: int = 1
    """Number of comparisons with a p-value that were corrected together."""
    confidence: float = 0.95
    """Of the interval; 1 − confidence is the level of the verdict."""
    over: Over = "seeds"
    """What the pairs are."""
    size: float = math.inf
    """The larger of both means, without its sign."""
    beyond: tuple[float, float] | None = None
    """The interval for other data of this kind, see `interval_beyond`; None where not each seed has
    a split of its own, or the test part is larger than a quarter."""
    why: tuple[str, ...] = ()
    """What it was planned for."""
    crossed: tuple[float, float] | None = None
    """Standard error and degrees of freedom where seeds and users are crossed."""

    @property
    def change(self) -> Change:
        """What is judged: the change of the mean, + is better for b."""
        df: float = self.n - 1 if self.n >= MIN_PAIRS else 0
        error = abs(self.mean) and math.inf if self.sd is None else self.sd / math.sqrt(self.n)
        if self.crossed:
            error, df = self.crossed
        return Change(self.n, self.n, True, self.mean, self.sd, error, df, 0.0)


def check_confidence(confidence: float) -> None:
    """Refuse what is no confidence.

    Raises:
        RecordError: It is not from 0.5 to below 1.
    """
    if not 0.5 <= confidence < 1:
        raise RecordError(f"expected a confidence from 0.5 to below 1, found {confidence}")


def compare_values(  # noqa: PLR0913 - what the pairs are, by keyword
    values_a: np.ndarray,
    values_b: np.ndarray,
    names: tuple[str, str, str],
    higher_is_better: bool,
    confidence: float = 0.95,
    *,
    over: Over = "seeds",
    test_share: float | None = None,
) -> Comparison:
    """Compare paired values with Student's t: interval and test of their mean difference.

    Where all differences are one number but 0 there is no spread to judge them by, so there is
    neither interval nor p-value.

    Args:
        values_a: Values of a, `[n]`, at least one.
        values_b: Values of b, paired with them, `[n]`.
        names: `task/metric` and the names of a and b.
        higher_is_better: Direction of the metric.
        confidence: Of the interval, from 0.5 to below 1.
        over: What the pairs are.
        test_share: Of each pair's random split the share of rows in the test part, for `beyond`.

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
        confidence=confidence,
        over=over,
        size=float(max(abs(a.mean()), abs(b.mean()))),
        beyond=interval_beyond(change, test_share, confidence) if test_share else None,
    )
    return correct([alone])[0]


def interval_beyond(
    change: Change, test_share: float, confidence: float
) -> tuple[float, float] | None:
    """The interval of the difference on other data of the kind, of which this was one sample.

    Random splits of one data set share most rows, so their spread shows little of what another
    data set would change. Nadeau and Bengio put ρ / (1 − ρ) beside 1 / n, for a test share ρ: that
    is the variance of what the rows give when they *test*. What they give when they *train* has
    (1 − ρ) / ρ: the mean of all n rows varies over data sets with σ² / n, and over splits of one
    that of the training part with σ² ρ / ((1 − ρ) n). Which it is nobody knows, so this
    takes the larger of both: t with √(1/n + (1 − ρ) / ρ). That covers what it is about in 97 % of
    made-up data sets or more for ρ from 0.1 to 0.25, where Nadeau and Bengio's covers it in 79 to
    97 %; for larger shares, where what rows give in training and test may cancel out within a data
    set, in as few as 72 %, so that there is none.

    Source: Nadeau and Bengio, Inference for the generalization error, 2003, eq. 9 and section 3.

    Args:
        change: Of the pairs.
        test_share: ρ, between 0 and 1.
        confidence: Of the interval.

    Returns:
        Its ends; None where nothing can be judged, or the test share is larger than a quarter.
    """
    if not change.judged or change.sd is None or change.identical or test_share > LARGEST_SHARE:
        return None
    error = change.sd * math.sqrt(1 / change.n_a + (1 - test_share) / test_share)
    half = t_beyond((1 - confidence) / 2, change.df) * error
    return change.mean - half, change.mean + half


def correct(comparisons: Iterable[Comparison]) -> list[Comparison]:
    """Judge comparisons as one family: Holm's correction, verdicts, detectable differences.

    A detectable difference is that of the family's first step, at level α / m for m tests: whatever
    becomes of the others, a true difference of that size is found with assurance 0.8 or more.

    Source: Holm, A simple sequentially rejective multiple test procedure, 1979.

    Args:
        comparisons: With p-values, or without where nothing can be judged.
    """
    comparisons = list(comparisons)
    adjusted = holm([c.p for c in comparisons if c.p is not None])
    family, rest = len(adjusted), iter(adjusted)
    judged = []
    for comparison in comparisons:
        level = 1 - comparison.confidence
        p = None if comparison.p is None else next(rest)
        detectable = None
        if p is not None and comparison.sd and comparison.over != "seeds and users":
            found = comparison.sd * assured_difference(comparison.n, level / family)
            detectable = found if found <= comparison.size else None
        verdict = judge(comparison.change, p, level, True)
        judged.append(
            replace(comparison, p_adjusted=p, detectable=detectable, verdict=verdict, family=family)
        )
    return judged
