"""How much a number changed from some runs to others, and the only verdict on it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from mtbench.text import counted

from .formulas import t_above, t_beyond

MIN_PAIRS = 3
"""Fewer pairs support no claim: two give a spread with one degree of freedom, which is none."""
_EXACT = 200
"""Of so many values in both samples the distribution of U is counted out, of more approximated."""
ROUNDING = 1e-12
"""Relative to the values: a difference below this is one of summation, not of results."""
Verdict = Literal[
    "better", "worse", "no evidence of a difference", "identical", "too few seeds", "no spread"
]


@dataclass(frozen=True)
class Change:
    """The change of a mean from a to b."""

    n_a: int
    n_b: int
    paired: bool
    """By seed or user; else the two are samples of their own."""
    mean: float
    """Of b − a, in the unit of the values."""
    sd: float | None
    """Sample standard deviation of the differences; None for a single pair, or without pairs."""
    error: float
    """Standard error of `mean`."""
    df: float
    """Degrees of freedom of `error`; 0 where there are too few values to know it."""
    rounding: float
    """A difference as small as this is none."""

    @property
    def identical(self) -> bool:
        """Whether every pair is equal: then what was changed changes nothing, at any n."""
        return self.paired and not self.error and not self.mean

    @property
    def judged(self) -> bool:
        """Whether the values vary, and are enough, so that a difference can be held against that.

        Differences that are equal in every pair show no spread: they may as well be of models that
        nothing varied, or of a metric that has few values.
        """
        return bool(self.df) and (self.error > self.rounding or self.identical)

    def interval(self, confidence: float) -> tuple[float, float] | None:
        """Ends of the interval of `mean` by Student's t; None where nothing can be judged."""
        if not self.judged:
            return None
        if self.identical:
            return 0.0, 0.0
        half = t_beyond((1 - confidence) / 2, self.df) * self.error
        return self.mean - half, self.mean + half

    def p_above(self, margin: float) -> float | None:
        """One-sided p-value of `b − a ≤ margin`; None where nothing can be judged."""
        if not self.judged:
            return None
        if self.identical:
            return float(margin >= 0)
        return t_above((self.mean - margin) / self.error, self.df)

    @property
    def p(self) -> float | None:
        """Two-sided p-value of no change; None where nothing can be judged."""
        above, below = self.p_above(0.0), self.negated().p_above(0.0)
        return None if above is None or below is None else min(1.0, 2 * min(above, below))

    def negated(self) -> Change:
        """The change of −a to −b."""
        return replace(self, mean=-self.mean)


def judge(change: Change, p: float | None, level: float, higher_is_better: bool) -> Verdict:
    """Say what a change shows: the one place where that is decided.

    Args:
        change: From a to b.
        p: Its two-sided p-value, corrected for the family it is of; None where nothing can be
            judged.
        level: A difference is one where p is below it.
        higher_is_better: Direction of the metric.
    """
    if change.identical:
        return "identical"
    if p is None:
        return "no spread" if change.df else "too few seeds"
    if p >= level:
        return "no evidence of a difference"
    return "better" if (change.mean > 0) == higher_is_better else "worse"


def change_of_pairs(a: np.ndarray, b: np.ndarray) -> Change:
    """Compare paired values.

    Differences of rounding alone count as 0, and so does a spread of rounding alone. Where
    differences tie they are counts of a grain g, as of test rows that are hit or not. A net count
    of k takes k rows that changed sides at least, each by a chance of its own, so that its variance
    is k or more: the standard deviation is at least √(|mean| g).

    Source: McNemar, Note on the sampling error of the difference between correlated proportions,
    1947 (the variance of a net count is the number of rows that changed sides).

    Args:
        a: float64 `[n]`, at least one.
        b: float64 `[n]`, paired with `a`.
    """
    scale = np.maximum(np.abs(a), np.abs(b))
    rounding = ROUNDING * float(scale.max())
    differences = np.where(np.abs(b - a) <= ROUNDING * scale, 0.0, b - a)
    n, mean = len(differences), float(np.mean(differences))
    sd = float(np.std(differences, ddof=1)) if n > 1 else None
    if sd is not None:
        sd = max(sd, math.sqrt(abs(mean) * _grain(differences, rounding))) if sd > rounding else 0.0
    error = sd / math.sqrt(n) if sd is not None else abs(mean) and math.inf
    return Change(n, n, True, mean, sd, error, n - 1 if n >= MIN_PAIRS else 0, rounding)


def _grain(differences: np.ndarray, rounding: float) -> float:
    """The step of differences some of which are equal; 0 where all are unequal, or all equal."""
    gaps = np.diff(np.sort(differences))
    steps = gaps[gaps > rounding]
    return float(steps.min()) if 0 < len(steps) < len(gaps) else 0.0


def change(a: Mapping[int, float], b: Mapping[int, float]) -> Change:
    """Compare values by seed.

    Runs of one seed share split, initial weights and order of the examples, so they are paired
    where at least three seeds, or all of them, are in both. Otherwise Welch's t for two samples.

    Source: Welch, The generalization of 'Student's' problem when several different population
    variances are involved, 1947.

    Args:
        a: At least one value.
        b: At least one value.
    """
    common = sorted(a.keys() & b.keys())
    if len(common) >= MIN_PAIRS or a.keys() == b.keys():
        left, right = (np.array([side[seed] for seed in common], np.float64) for side in (a, b))
        return change_of_pairs(left, right)
    rounding = ROUNDING * max(map(abs, (*a.values(), *b.values())))
    mean = statistics.fmean(b.values()) - statistics.fmean(a.values())
    if min(len(a), len(b)) < MIN_PAIRS:
        return Change(len(a), len(b), False, mean, None, math.inf, 0, rounding)
    parts = [statistics.variance(values.values()) / len(values) for values in (a, b)]
    weights = [part**2 / (len(values) - 1) for part, values in zip(parts, (a, b), strict=True)]
    df = sum(parts) ** 2 / sum(weights) if any(weights) else len(a) + len(b) - 2
    return Change(len(a), len(b), False, mean, None, math.sqrt(sum(parts)), df, rounding)


@dataclass(frozen=True)
class Ratio:
    """How many times as large b is as a."""

    n_a: int
    n_b: int
    median: float
    """Of b / a over all pairs of a value of a and one of b (Hodges and Lehmann's estimate)."""
    smallest: float
    largest: float
    """Ends of what was seen: the smallest b by the largest a, and the other way round."""
    low: float | None
    """Lower end of the interval; None where there are too few values."""
    high: float | None


def ratio(a: Sequence[float], b: Sequence[float], level: float = 0.05) -> Ratio:
    """Compare positive values as a ratio that no outlier decides.

    The interval is the distribution-free one that belongs to the Mann-Whitney test: each end is
    wrong with a probability of at most `level`. Three values against three are the fewest that
    have one at 0.05, and it is then all that was seen.

    Source: Hodges and Lehmann, Estimates of location based on rank tests, 1963; Hollander, Wolfe
    and Chicken, Nonparametric Statistical Methods, 2014, sec. 4.3.

    Args:
        a: At least one value.
        b: At least one value, those of other runs.
        level: Of each end.
    """
    pairs = sorted(y / x for x in a for y in b)
    low = high = None
    if cut := _cut(len(a), len(b), level):
        low, high = pairs[cut - 1], pairs[-cut]
    return Ratio(len(a), len(b), statistics.median(pairs), pairs[0], pairs[-1], low, high)


def _cut(m: int, n: int, level: float) -> int:
    """The largest k with P(U < k) ≤ level for Mann and Whitney's U of m and n equal samples."""
    if m + n > _EXACT:  # C(m + n, n) is beyond float64; the normal approximation, rounded down
        sd = math.sqrt(m * n * (m + n + 1) / 12)
        return max(0, math.floor(m * n / 2 + statistics.NormalDist().inv_cdf(level) * sd - 1.5))
    # orders in which u pairs are inverted, by u: the coefficients of the Gaussian binomial
    # Π_i (1 − q^(n + i)) / (1 − q^i), i from 1 to m; they are symmetric, the lower half will do
    counts = np.zeros(m * n // 2 + 1)
    counts[0] = 1.0
    for i in range(1, m + 1):
        counts[n + i :] -= counts[: max(len(counts) - n - i, 0)].copy()
        for start in range(min(i, len(counts))):
            counts[start::i] = np.cumsum(counts[start::i])
    below = np.cumsum(counts) / math.comb(m + n, n)
    return int(np.searchsorted(below, level, side="right"))


def seeds_text(n_a: int, n_b: int) -> str:
    """`5 seeds`, `5 and 3 seeds`."""
    return counted(n_a, "seed") if n_a == n_b else f"{n_a} and {counted(n_b, 'seed')}"
