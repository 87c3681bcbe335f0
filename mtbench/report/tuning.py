"""The budget of tuning, in lines."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from mtbench.records.results import Results, Scenario
from mtbench.records.tuning import Tuning
from mtbench.text import counted


def budget(results: Results) -> Iterator[str]:
    """Say how many trials each arm had, who had another number and why, and what studies differ by.

    Nothing where no option was chosen.
    """
    arms = [*results.scenarios.values(), *results.baselines.values()]
    tuned = [(arm, arm.answer.tuning) for arm in arms if arm.answer.tuning]
    if not tuned:
        return
    equal = [tuning for _, tuning in tuned if tuning.because is None]
    if equal:
        counts = sorted({tuning.trials for tuning in equal})
        number = " or ".join(map(str, counts))
        first = equal[0]
        seeds = ", ".join(map(str, first.seeds))
        yield (
            f"options chosen on the validation part: {number} trial{'s' * (counts != [1])} "
            f"for {_arms(len(equal))} ({first.sampler}, pruner {first.pruner}, "
            f"seed{'s' * (len(first.seeds) != 1)} {seeds}), then trained on both parts"
        )
    for arm, tuning in tuned:
        if tuning.because:
            yield f"{arm.name}: {counted(tuning.trials, 'trial')}, because {tuning.because}"
    untuned = [arm.name for arm in arms if arm.answer.tuning is None]
    if untuned:
        yield f"not tuned: {', '.join(untuned)}"
    yield from _studies(results, tuned)


def _arms(number: int) -> str:
    if number == 1:
        return "one scenario or baseline"
    return f"each of {number} scenarios and baselines"


def _studies(results: Results, tuned: list[tuple[Scenario, Tuning]]) -> Iterator[str]:
    """How much the means of an arm's studies differ: the spread of all of it, tuning included."""
    by_arm: dict[str, list[Scenario]] = {}
    for arm, tuning in tuned:
        if tuning.studies > 1 and arm.runs:
            number = f"study={tuning.study}]"
            base = arm.name.removesuffix(number).rstrip("[, ")
            name = f"{base}]" if "[" in base else base
            by_arm.setdefault(name, []).append(arm)
    for name, arms in by_arm.items():
        said = []
        for metric in results.choose(None):
            means = [
                statistics.fmean(arm.values(metric, list(arm.runs)))
                for arm in arms
                if metric.task in arm.tasks
            ]
            if len(means) > 1:
                said.append(
                    f"{metric.key} {statistics.fmean(means):.4f} ± {statistics.stdev(means):.4f}"
                )
        if said:
            yield f"{name}: over {len(arms)} studies, tuning included: {', '.join(said)}"
