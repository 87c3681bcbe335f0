"""What changed between two folders of results: suite, code, environment, data, and the numbers."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtbench.evidence.changes import (
    Change,
    Ratio,
    Verdict,
    change,
    counted,
    judge,
    ratio,
    seeds_text,
)
from mtbench.evidence.formulas import holm
from mtbench.evidence.words import decimal
from mtbench.records.differing import shown
from mtbench.records.series import Measured, Series, load

from .differences import require_comparable, sections, told_changes

SPEEDS = {
    "examples_per_s": "training throughput",
    "step_time": "step time / reference",
}
"""What is compared as a ratio, by its name in `Series`. Memory is not: the peak of a process holds
what the runs before have left in it, so that it is another in another order."""


@dataclass(frozen=True)
class MetricChange:
    """A metric of a scenario, or baseline, that is in both folders."""

    scenario: str
    metric: str
    """`task/metric`."""
    higher_is_better: bool
    a: float
    """Mean over the seeds compared."""
    b: float
    change: Change
    low: float | None
    """Lower end of the interval of the mean of b − a, for this metric alone."""
    high: float | None
    p_adjusted: float | None
    """Two-sided, after Holm's correction over all metrics and scenarios listed."""
    verdict: Verdict


@dataclass(frozen=True)
class Comparison:
    """Folder b against folder a."""

    a: Measured
    b: Measured
    mark: str
    """` (different data)`, ` (different protocol)`, both, or nothing."""
    differences: Mapping[str, Mapping[str, tuple[Any, Any]]]
    """By section and dotted key: what a has and what b has."""
    metrics: tuple[MetricChange, ...]
    speeds: Mapping[str, Mapping[str, Ratio]]
    """By scenario and name in `SPEEDS`."""
    confidence: float


def compare(
    a: Path,
    b: Path,
    *,
    anyway: bool = False,
    every_metric: bool = False,
    confidence: float = 0.95,
) -> Comparison:
    """Compare two folders of results.

    Args:
        a: The folder that is compared with.
        b: The folder the comparison is about.
        anyway: Compare different data and protocols too.
        every_metric: Not the headline metrics of trained tasks alone.
        confidence: Of the intervals; 1 − confidence is the level of the verdicts.

    Raises:
        RecordError: A folder has no results, or they are of different data or protocol.
    """
    left, right = load(a), load(b)
    marks = require_comparable(left, right, anyway)
    both = [name for name in left.series if name in right.series]
    return Comparison(
        left,
        right,
        "".join(f" {mark}" for mark in marks),
        sections(left, right),
        _metrics(left, right, every_metric, confidence),
        {name: _speeds(left.series[name], right.series[name]) for name in both},
        confidence,
    )


def _metrics(
    a: Measured, b: Measured, every_metric: bool, confidence: float
) -> tuple[MetricChange, ...]:
    """Compare the metrics of the scenarios in both, as one family."""
    order = [key for key in b.higher_is_better if every_metric or key in b.headline]
    changes = [
        (name, key, change(left.metrics[key], b.series[name].metrics[key]))
        for name, left in a.series.items()
        if name in b.series
        for key in order
        if key in left.metrics and key in b.series[name].metrics
        if every_metric or left.trains(key) or b.series[name].trains(key)
    ]
    p_values = [one.p for _, _, one in changes]
    adjusted = iter(holm([p for p in p_values if p is not None]))
    corrected = [None if p is None else next(adjusted) for p in p_values]
    return tuple(
        _metric(
            a.series[name], b.series[name], (name, key, b.higher_is_better[key]), one, p, confidence
        )
        for (name, key, one), p in zip(changes, corrected, strict=True)
    )


def _metric(
    a: Series,
    b: Series,
    what: tuple[str, str, bool],
    one: Change,
    p: float | None,
    confidence: float,
) -> MetricChange:
    """Put together what is known of a metric: scenario, key and direction."""
    _, key, higher = what
    left, right = a.metrics[key], b.metrics[key]
    common = left.keys() & right.keys()
    means = [
        statistics.fmean(values[seed] for seed in (common if one.paired else values))
        for values in (left, right)
    ]
    low, high = one.interval(confidence) or (None, None)
    verdict = judge(one, p, 1 - confidence, higher)
    return MetricChange(*what, means[0], means[1], one, low, high, p, verdict)


def _speeds(a: Series, b: Series) -> dict[str, Ratio]:
    """Ratios of b to a, of what both have."""
    pairs = {name: (getattr(a, name), getattr(b, name)) for name in SPEEDS}
    return {
        name: ratio(list(left.values()), list(right.values()))
        for name, (left, right) in pairs.items()
        if left and right
    }


def to_text(comparison: Comparison) -> str:
    """Say what changed, a line for each thing."""
    lines = [*_head(comparison), *_changes(comparison), *_numbers(comparison)]
    sides = (comparison.a, comparison.b)
    lines += [f"left out: {line}" for side in sides for line in side.problems]
    lines += [note for side in sides for note in side.notes]
    return "".join(f"{line}{comparison.mark}\n" for line in lines)


def _head(comparison: Comparison) -> Iterator[str]:
    for letter, side in (("a", comparison.a), ("b", comparison.b)):
        versions = side.question.engine.versions
        baselines = sum(one.answer.baseline is not None for one in side.series.values())
        arms = counted(len(side.series) - baselines, "scenario")
        arms += f", {counted(baselines, 'baseline')}" if baselines else ""
        yield (
            f"{letter}: {side.name}: suite {side.suite}, {arms}, "
            f"mtbench {versions['mtbench']}, tensorflow {versions.get('tensorflow')}"
        )


def _changes(comparison: Comparison) -> Iterator[str]:
    """What differs besides the numbers."""
    for section, pairs in comparison.differences.items():
        if not pairs:
            yield f"{section}: no difference"
        for key, (left, right) in pairs.items():
            yield f"{section}: {shown(key)}: {shown(left)} → {shown(right)}"
    names = (comparison.a.series, comparison.b.series)
    for letter, own, other in (("a", *names), ("b", *names[::-1])):
        for name in own:
            if name not in other:
                kind = "baseline" if own[name].answer.baseline else "scenario"
                yield f"only in {letter}: {kind} {shown(name)}"
    yield from told_changes(comparison.a, comparison.b)


def _numbers(comparison: Comparison) -> Iterator[str]:
    """Metrics and ratios of each scenario that is in both."""
    for name, speeds in comparison.speeds.items():
        for one in comparison.metrics:
            if one.scenario == name:
                yield _metric_line(one)
        for key, found in speeds.items():
            yield (
                f"{shown(name)}: {SPEEDS[key]}: × {found.median:.2f} "
                f"({found.smallest:.2f}–{found.largest:.2f}; {seeds_text(found.n_a, found.n_b)})"
            )
        for letter, side in (("a", comparison.a), ("b", comparison.b)):
            for seed, error in side.series[name].failed.items():
                yield f"{shown(name)}: FAILED in {letter}: seed {seed}: {error}"


def _metric_line(one: MetricChange) -> str:
    arrow = "↑" if one.higher_is_better else "↓"
    scale, interval = abs(one.change.mean), ""
    if one.low is not None and one.high is not None and one.high > one.low:
        scale = (one.high - one.low) / 2
        interval = f" [{decimal(one.low, scale)}, {decimal(one.high, scale)}]"
    how = "paired" if one.change.paired else "not paired"
    p = (
        ""
        if one.p_adjusted is None or one.change.identical
        else f", p = {one.p_adjusted:.3f} corrected"
    )
    return (
        f"{shown(one.scenario)}: {one.metric} {arrow}: {decimal(one.a, scale)} → "
        f"{decimal(one.b, scale)}, {decimal(one.change.mean, scale, '+')}{interval}: "
        f"{one.verdict} ({seeds_text(one.change.n_a, one.change.n_b)}, {how}{p})"
    )
