"""Why joint training helps or harms: pairs of tasks, their gradients held against a null.

In many dimensions a cosine near 0 is what any two directions have, and noise takes a cosine there
too: two halves of one task's batch agree the less, the noisier its gradient is. So a pair of tasks
is read by what each task has with itself, measured on the same halves.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from mtbench.records.record import Record
from mtbench.records.results import Results, Scenario
from mtbench.text import counted

from .comparison import check_confidence
from .multitask import Estimate, estimate
from .words import decimal, interval

Reading = Literal["conflict", "agree", "agree less", "unrelated", "open", "too few seeds"]


@dataclass(frozen=True)
class TaskPair:
    """How two tasks bear on each other in a scenario that trains both.

    Numbers are means over the steps looked at and over seeds; cosines are of gradients by the
    shared parameters, each of another half of a batch.
    """

    scenario: str
    tasks: tuple[str, str]
    cosine: Estimate
    """Between the two tasks."""
    own: tuple[Estimate, Estimate]
    """Between two halves of one task's batch, of each: the null."""
    below: Estimate
    """The smaller of these less `cosine`, seed by seed."""
    conflict: float
    """Share of negative cosines between the tasks."""
    own_conflict: tuple[float, float]
    """The same between two halves of one task's batch."""
    norm_ratio: float | None
    """Length of the first task's gradient by that of the second's, geometric mean over steps."""
    affinity: tuple[Estimate | None, Estimate | None]
    """Of a step on the first task for the second, and the other way round: the share of the loss
    that it takes away; see `mtbench.train.look`."""
    own_affinity: tuple[Estimate | None, Estimate | None]
    """Of a step on each task for itself."""
    n: int
    """Number of seeds."""
    level: float = 0.05
    """Of each interval, after Bonferroni's correction for all that are read together."""

    @property
    def reading(self) -> Reading:
        """What the intervals allow one to say.

        `conflict`: the cosine is below 0. `agree`: above 0, and no less than the null as far as can
        be seen. `agree less`: above 0 and less than the null. `unrelated`: not told apart from 0,
        less than the null. `open`: told apart from neither.
        """
        cosine, below = self.cosine, self.below
        if cosine.low is None or cosine.high is None or below.low is None:
            return "too few seeds"
        if cosine.high < 0:
            return "conflict"
        less = below.low > 0
        if cosine.low > 0:
            return "agree less" if less else "agree"
        return "unrelated" if less else "open"


def task_pairs(results: Results, confidence: float = 0.95) -> list[TaskPair]:
    """Read the pairs of tasks of every scenario whose runs were looked at.

    Intervals are Student's t over seeds. Each pair has two that are read, of its cosine and of its
    distance from the null; all of these share 1 − confidence (Bonferroni), and all that are shown
    are of that width.

    Args:
        results: Of a suite, some of it trained with `train.affinity_every`.
        confidence: That nothing read from the intervals is wrong, from 0.5 to below 1.

    Raises:
        RecordError: `confidence` is none.
    """
    check_confidence(confidence)
    found = [
        (scenario, pair)
        for scenario in results.measured.values()
        for pair in itertools.combinations(scenario.tasks, 2)
    ]
    looks = {name: _looks(one) for name, one in results.measured.items()}
    read = [(one, pair) for one, pair in found if _has(looks[one.name], pair)]
    level = (1 - confidence) / max(2 * len(read), 1)
    return [_pair(one.name, pair, looks[one.name], level) for one, pair in read]


Looks = Sequence[Mapping[str, Mapping[str, float]]]


def _looks(scenario: Scenario) -> list[dict[str, dict[str, float]]]:
    """Of each run that was looked at its numbers, means over the epochs."""
    read = [_means(run) for run in scenario.runs.values()]
    return [each for each in read if each]


def _means(run: Record) -> dict[str, dict[str, float]]:
    seen: dict[str, dict[str, list[float]]] = {}
    for epoch in run.diagnostics:
        for part in ("half_cosines", "half_conflicts", "norm_ratios", "affinity"):
            told: Any = epoch.get(part)
            for key, value in (told if isinstance(told, dict) else {}).items():
                seen.setdefault(part, {}).setdefault(key, []).append(float(value))
    means = {
        part: {key: float(np.mean(values)) for key, values in of.items()}
        for part, of in seen.items()
    }
    if ratios := seen.get("norm_ratios"):
        means["norm_ratios"] = {k: float(np.exp(np.mean(np.log(v)))) for k, v in ratios.items()}
    return means


def _keys(pair: tuple[str, str]) -> list[str]:
    one, two = pair
    return [f"{one}|{two}", f"{one}|{one}", f"{two}|{two}"]


def _has(looks: Looks, pair: tuple[str, str]) -> bool:
    parts = ("half_cosines", "half_conflicts")
    return bool(looks) and all(
        key in look.get(part, {}) for look in looks for part in parts for key in _keys(pair)
    )


def _pair(scenario: str, pair: tuple[str, str], looks: Looks, level: float) -> TaskPair:
    cosines, conflicts = (
        np.array([[look[part][key] for key in _keys(pair)] for look in looks])
        for part in ("half_cosines", "half_conflicts")
    )
    between, *own = (estimate(column, 1 - level) for column in cosines.T)
    share, *own_share = map(float, conflicts.mean(0))
    ratios = [look.get("norm_ratios", {}).get(_keys(pair)[0]) for look in looks]
    known = [ratio for ratio in ratios if ratio]
    one, two = pair
    return TaskPair(
        scenario,
        pair,
        between,
        (own[0], own[1]),
        estimate(cosines[:, 1:].min(1) - cosines[:, 0], 1 - level),
        share,
        (own_share[0], own_share[1]),
        float(np.exp(np.mean(np.log(known)))) if len(known) == len(ratios) else None,
        (_affinity(looks, one, two, level), _affinity(looks, two, one, level)),
        (_affinity(looks, one, one, level), _affinity(looks, two, two, level)),
        len(looks),
        level,
    )


def _affinity(looks: Looks, of: str, on: str, level: float) -> Estimate | None:
    values = [look.get("affinity", {}).get(f"{of}>{on}") for look in looks]
    known = [value for value in values if value is not None]
    return estimate(np.array(known), 1 - level) if len(known) == len(values) else None


def pair_sentences(pairs: Iterable[TaskPair]) -> list[str]:
    """Say of each pair of tasks what the intervals allow, no more; equal readings apart."""
    return [_sentence(pair) for pair in pairs]


_SAID: dict[Reading, str] = {
    "conflict": "pull against each other",
    "agree": "show no more conflict than two halves of one task's batch",
    "agree less": "agree, but less than two halves of one task's batch do",
    "unrelated": (
        "neither agree nor conflict beyond what chance gives, where two halves of one task's batch "
        "agree"
    ),
    "open": "the data does not say whether they agree or conflict",
    "too few seeds": "too few seeds to say whether they agree or conflict",
}


def _sentence(pair: TaskPair) -> str:
    one, two = pair.tasks
    start = f"{one} and {two} in {pair.scenario}"
    colon = ":" if pair.reading in ("open", "too few seeds") else ""
    own = " and ".join(estimate_text(each) for each in pair.own)
    return (
        f"{start}{colon} {_SAID[pair.reading]}: cosine of their gradients "
        f"{estimate_text(pair.cosine)}, of two halves of one task's batch {own} "
        f"({counted(pair.n, 'seed')}){_steps(pair)}"
    )


def _steps(pair: TaskPair) -> str:
    """What a step on one task alone does to the other's loss."""
    (one, two), (there, back) = pair.tasks, pair.affinity
    if there is None or back is None:
        return ""
    taken = estimate_text(there, 100), estimate_text(back, 100)
    return (
        f"; a step on {one} alone takes {taken[0]} % of the loss of {two}, "
        f"one on {two} {taken[1]} % of that of {one}"
    )


def estimate_text(one: Estimate, unit: float = 1) -> str:
    """`0.12 [0.08, 0.16]`, the mean alone where there is no interval."""
    if one.low is None or one.high is None:
        return decimal(unit * one.mean, abs(unit * one.mean))
    scale, size = unit * (one.high - one.low) / 2, abs(unit * one.mean)
    scale = scale if scale > 1e-9 * size else size  # equal but for rounding
    ends = interval(unit * one.low, unit * one.high, scale)
    return f"{decimal(unit * one.mean, scale)} {ends}"
