"""Transfer by share of labels: where training together breaks even, and what it is worth.

A suite that sweeps `labels.TASK` with the task alone and with partners says how a partner's help
falls with the labels the task has. All intervals are over the seeds of the suite: its splits, its
subsets of labels and initial weights, of this data set.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mtbench.records.results import Metric, Results, common_seeds
from mtbench.records.sweeps import NumberSweep
from mtbench.text import counted

from .words import decimal

DRAWS = 2000
"""Bootstrap samples of the seeds."""
LEAST_SEEDS = 3
"""Fewer show no spread."""


@dataclass(frozen=True)
class Worth:
    """A number with its interval; an end that lies beyond what was tried is infinite, or 0."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Transfer:
    """A sweep over a task's share of labels against the sweep that trains the task alone."""

    metric: Metric
    single: str
    """The sweep of the task alone."""
    other: str
    shares: tuple[float, ...]
    """Ascending."""
    differences: np.ndarray
    """float64 `[seeds, shares]`: other − single, + is better for the other."""
    break_even: Worth
    """The share from which on the other is no better: 0 where it never is, infinite where it is at
    every share."""
    better_from: Worth
    """The share from which on the other is better: 0 where it is at every share, infinite where it
    is not at the largest."""
    worth: Mapping[float, Worth]
    """By share, how many times the labels the task alone needs to be as good; infinite where all
    labels are not enough, 0 where it is better already with the fewest."""


def transfers(results: Results) -> list[Transfer]:
    """Compare each sweep over a share of labels with that of the task alone."""
    found = []
    for task, sweeps in _by_task(results).items():
        single = next((s for s in sweeps if _tasks(results, s) == (task,)), None)
        for metric in results.metrics if single else ():
            if metric.task == task and metric.headline:
                others = [s for s in sweeps if s is not single]
                made = [_transfer(results, metric, single, other) for other in others if single]
                found += [one for one in made if one]
    return found


def _by_task(results: Results) -> dict[str, list[NumberSweep]]:
    """The sweeps that are over the share of one task's labels."""
    found: dict[str, list[NumberSweep]] = {}
    for sweep in results.number_sweeps:
        parts = sweep.paths[0].split(".")
        if len(sweep.paths) == 1 and parts[0] == "labels" and parts[-1] == "share":
            found.setdefault(".".join(parts[1:-1]), []).append(sweep)
    return found


def _tasks(results: Results, sweep: NumberSweep) -> tuple[str, ...]:
    return results.scenarios[next(iter(sweep.points))].tasks


def _transfer(
    results: Results, metric: Metric, single: NumberSweep, other: NumberSweep
) -> Transfer | None:
    """Compare two sweeps in the shares and seeds they have in common."""
    name_of = [{share: name for name, share in sweep.points.items()} for sweep in (single, other)]
    shares = sorted(share for share in name_of[0].keys() & name_of[1].keys())
    pairs = [[results.scenarios[names[share]] for share in shares] for names in name_of]
    seeds = common_seeds(*(scenario for side in pairs for scenario in side)) if shares else []
    if len(shares) < 2 or not seeds or metric.task not in pairs[1][0].tasks:
        return None
    alone, together = (
        metric.sign * np.stack([scenario.values(metric, seeds) for scenario in side], axis=1)
        for side in pairs
    )
    rows = np.random.default_rng(0).integers(0, len(seeds), (DRAWS, len(seeds)))
    drawn = [(alone[each].mean(0), together[each].mean(0)) for each in rows]
    many = len(seeds) >= LEAST_SEEDS
    a, b = alone.mean(0), together.mean(0)
    return Transfer(
        metric,
        single.name,
        other.name,
        tuple(shares),
        together - alone,
        _with_interval(
            break_even(shares, b - a), [break_even(shares, y - x) for x, y in drawn], many
        ),
        _with_interval(
            break_even(shares, a - b), [break_even(shares, x - y) for x, y in drawn], many
        ),
        {
            share: _with_interval(
                worth(shares, a, b, n), [worth(shares, x, y, n) for x, y in drawn], many
            )
            for n, share in enumerate(shares)
        },
    )


def _with_interval(value: float, drawn: Sequence[float], many: bool) -> Worth:
    """The 95 % interval of the percentile bootstrap over seeds."""
    if not many:
        return Worth(value, None, None)
    low, high = np.quantile(np.array(drawn), [0.025, 0.975], method="nearest")
    return Worth(value, float(low), float(high))


def break_even(shares: Sequence[float], gains: np.ndarray) -> float:
    """The share at which a gain ends, linear in the logarithm of the share between two points.

    Args:
        shares: Ascending.
        gains: At each of them, `[shares]`.

    Returns:
        The last crossing from above 0; 0 where the gain is nowhere above 0, infinite where it is so
        at the largest share.
    """
    above = np.flatnonzero(gains > 0)
    if not len(above):
        return 0.0
    last = int(above[-1])
    if last == len(shares) - 1:
        return math.inf
    part = gains[last] / (gains[last] - gains[last + 1])
    left, right = math.log(shares[last]), math.log(shares[last + 1])
    return math.exp(left + float(part) * (right - left))


def worth(shares: Sequence[float], alone: np.ndarray, together: np.ndarray, at: int) -> float:
    """How many times the labels the task alone needs to be as good as with the partner.

    Args:
        shares: Ascending.
        alone: Of each, higher is better, `[shares]`; made to rise, since more labels are no worse.
        together: Likewise, of the other.
        at: Number of the share that is asked about.

    Returns:
        s' / s, with the task alone as good at s' as the other at s, linear in the logarithm of the
        share between two points; infinite and 0 beyond the ends.
    """
    rising = np.maximum.accumulate(alone)
    goal = together[at]
    if goal > rising[-1]:
        return math.inf
    if goal < rising[0]:
        return 0.0
    right = int(np.searchsorted(rising, goal))
    if right == 0:
        return float(shares[0] / shares[at])
    low, high = rising[right - 1], rising[right]
    part = (goal - low) / (high - low)
    left = math.log(shares[right - 1])
    share = math.exp(left + float(part) * (math.log(shares[right]) - left))
    return share / shares[at]


def label_sentences(found: Sequence[Transfer]) -> Iterator[str]:
    """Say of each what it is worth where labels are fewest, and where it breaks even."""
    for one in found:
        fewest = one.shares[0]
        yield (
            f"{one.other} against {one.single} in {one.metric.key}, "
            f"{counted(len(one.differences), 'seed')} of this data set: "
            f"with {_percent(fewest)} of the labels "
            f"{_worth(one, fewest)}; {_break_even(one)}"
        )


def _worth(one: Transfer, share: float) -> str:
    """What training together is worth at a share, in labels."""
    of, most = one.worth[share], one.shares[-1] / share
    gain = one.differences[:, one.shares.index(share)]
    change = f"{decimal(float(gain.mean()), float(gain.std(ddof=1) if len(gain) > 1 else 1), '+')}"
    if of.value == 0.0:
        return f"it is worse than alone ({change})"
    if math.isinf(of.value):
        return f"it is worth more than {most:.3g} times the labels ({change})"
    return f"it is worth {of.value:.2g} times the labels{_ends(of, _times(most))} ({change})"


def _times(most: float) -> tuple[str, str]:
    return "less than 1", f"more than {most:.3g}"


def _break_even(one: Transfer) -> str:
    even = one.break_even
    ends = _ends(even, (f"below {_percent(one.shares[0])}", f"above {_percent(one.shares[-1])}"), 1)
    if even.value == 0.0:
        return f"it is better at no share of the labels{ends}"
    if math.isinf(even.value):
        none = f"no break-even share below {_percent(one.shares[-1])}{ends}"
        start = one.better_from
        if not start.value or math.isinf(start.value):
            return none
        edge = f"below {_percent(one.shares[0])}", f"above {_percent(one.shares[-1])}"
        return f"{none}: it is better from {_percent(start.value)}{_ends(start, edge, 1)} on"
    return f"the break-even share is {_percent(even.value)}{ends}"


def _ends(of: Worth, beyond: tuple[str, str], percent: int = 0) -> str:
    """` [1.2, 3.4]`, with words for an end beyond what was tried."""
    if of.low is None or of.high is None:
        return ""
    shown = [
        beyond[0]
        if end == 0.0
        else beyond[1]
        if math.isinf(end)
        else _percent(end)
        if percent
        else f"{end:.2g}"
        for end in (of.low, of.high)
    ]
    return f" [{', '.join(shown)}]" if shown[0] != shown[1] else ""


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
