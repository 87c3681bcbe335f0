"""What changed between two folders of results: suite, code, environment, data, and the numbers."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtbench.evidence.changes import (
    Change,
    Ratio,
    Verdict,
    change,
    judge,
    ratio,
    seeds_text,
)
from mtbench.evidence.formulas import holm
from mtbench.evidence.words import decimal
from mtbench.records.differing import shown
from mtbench.records.series import Measured, Series, load
from mtbench.text import counted

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
    (only,) = compared(left, [right], [marks], every_metric=every_metric, confidence=confidence)
    return only


def compared(
    a: Measured,
    others: Sequence[Measured],
    marks: Sequence[Sequence[str]],
    *,
    every_metric: bool = False,
    both_train: bool = False,
    confidence: float = 0.95,
) -> list[Comparison]:
    """Compare what was measured with a, all metrics of all others as one family of tests.

    Args:
        a: What is compared with.
        others: What the comparisons are about.
        marks: Of each of them, what every line has to say.
        every_metric: Not the headline metrics of trained tasks alone.
        both_train: Only metrics of tasks that both train, not of those that one of them does.
        confidence: Of the intervals; 1 − confidence is the level of the verdicts.
    """
    found = [(b, *one) for b in others for one in _changed(a, b, every_metric, both_train)]
    p_values = [one.p for *_, one in found]
    adjusted = iter(holm([p for p in p_values if p is not None]))
    corrected = [None if p is None else next(adjusted) for p in p_values]
    metrics: dict[int, list[MetricChange]] = {id(b): [] for b in others}
    for (b, name, key, one), p in zip(found, corrected, strict=True):
        what = name, key, b.higher_is_better[key]
        metrics[id(b)].append(_metric(a.series[name], b.series[name], what, one, p, confidence))
    return [
        Comparison(
            a,
            b,
            "".join(f" {mark}" for mark in said),
            sections(a, b),
            tuple(metrics[id(b)]),
            {
                name: _speeds(a.series[name], b.series[name])
                for name in a.series
                if name in b.series
            },
            confidence,
        )
        for b, said in zip(others, marks, strict=True)
    ]


def _changed(
    a: Measured, b: Measured, every_metric: bool, both_train: bool
) -> Iterator[tuple[str, str, Change]]:
    """Scenario, metric and change of the scenarios in both."""
    enough = all if both_train else any
    for name, left in a.series.items():
        right = b.series.get(name)
        if right is None:
            continue
        for key in b.higher_is_better:
            trained = enough(series.trains(key) for series in (left, right))
            told = every_metric or (key in b.headline and trained)
            if told and key in left.metrics and key in right.metrics:
                yield name, key, change(left.metrics[key], right.metrics[key])


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
    named = {"a": comparison.a, "b": comparison.b}
    lines = [*heads(named), *changes(comparison), *_numbers(comparison)]
    sides = (comparison.a, comparison.b)
    lines += [f"left out: {line}" for side in sides for line in side.problems]
    lines += [note for side in sides for note in side.notes]
    return "".join(f"{line}{comparison.mark}\n" for line in lines)


def heads(sides: Mapping[str, Measured]) -> Iterator[str]:
    """What each side is, by what lines call it."""
    for letter, side in sides.items():
        versions = side.question.engine.versions
        baselines = sum(one.answer.baseline is not None for one in side.series.values())
        arms = counted(len(side.series) - baselines, "scenario")
        arms += f", {counted(baselines, 'baseline')}" if baselines else ""
        yield (
            f"{letter}: {side.name}: suite {side.suite}, {arms}, "
            f"mtbench {versions['mtbench']}, tensorflow {versions.get('tensorflow')}"
        )


def changes(comparison: Comparison, *, quiet: bool = False) -> Iterator[str]:
    """What differs besides the numbers.

    Args:
        comparison: The comparison.
        quiet: Say nothing of what does not differ, nor of what scenarios changed in both.
    """
    for section, pairs in comparison.differences.items():
        if not pairs and not quiet:
            yield f"{section}: no difference"
        for key, (left, right) in pairs.items():
            yield f"{section}: {shown(key)}: {shown(left)} → {shown(right)}"
    names = (comparison.a.series, comparison.b.series)
    for letter, own, other in (("a", *names), ("b", *names[::-1])):
        for name in own:
            if name not in other:
                kind = "baseline" if own[name].answer.baseline else "scenario"
                yield f"only in {letter}: {kind} {shown(name)}"
    if not quiet:
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


def interval_and_scale(one: MetricChange) -> tuple[str, float]:
    """The interval in brackets, if there is one, and the size that decides the digits shown."""
    if one.low is None or one.high is None or one.high <= one.low:
        return "", abs(one.change.mean)
    scale = (one.high - one.low) / 2
    return f" [{decimal(one.low, scale)}, {decimal(one.high, scale)}]", scale


def _metric_line(one: MetricChange) -> str:
    arrow = "↑" if one.higher_is_better else "↓"
    interval, scale = interval_and_scale(one)
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
