"""Whether to train tasks together, and with which weighting: what the planned comparisons answer.

No test of its own decides: better and worse are the verdicts of `planned`, one family in which a
wrong one has a chance of 5 % at most, whichever of them is then told first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from mtbench.errors import RecordError
from mtbench.records.results import Results, Scenario

from .comparison import Comparison
from .families import FIRST, SINGLE, planned
from .formulas import holm

MARGIN = 1.0
"""Percent of a metric within which a difference is none that matters."""
Reading = Literal["better", "worse", "no difference", "open"]
"""What is known of a difference: that it is within the margin, else its sign, else nothing."""
Answer = Literal["together", "partly", "depends", "apart", "no difference", "open"]
_ORDER: Sequence[Answer] = ("together", "partly", "no difference", "open", "depends", "apart")
"""From what one would do first."""


@dataclass(frozen=True)
class Read:
    """A comparison, and what is known by it."""

    task: str
    of: Comparison
    reading: Reading
    harmless: bool
    """Whether it is known to be no loss beyond the margin."""


@dataclass(frozen=True)
class Arm:
    """A scenario that trains the tasks together."""

    name: str
    against_alone: tuple[Read, ...]
    """With each judged task alone; without one that has no results."""
    against_first: tuple[Read, ...]
    """With the first arm, in each judged task; empty of the first arm itself."""
    lacking: tuple[str, ...]
    """Judged tasks that nothing is known of alone, or together."""

    @property
    def gains(self) -> list[str]:
        """Tasks that are better together."""
        return [read.task for read in self.against_alone if read.reading == "better"]

    @property
    def losses(self) -> list[str]:
        """Tasks that are worse together, and by how much is not known to be within the margin."""
        reads = self.against_alone
        return [read.task for read in reads if read.reading == "worse" and not read.harmless]

    @property
    def unharmed(self) -> list[str]:
        """Tasks that are not known to gain, but to lose nothing beyond the margin."""
        reads = self.against_alone
        return [read.task for read in reads if read.reading != "better" and read.harmless]

    @property
    def unknown(self) -> list[str]:
        """Tasks that may lose."""
        known = {*self.gains, *self.losses, *self.unharmed}
        return [*(r.task for r in self.against_alone if r.task not in known), *self.lacking]

    @property
    def answer(self) -> Answer:
        """What this arm alone would say."""
        if self.losses:
            return "depends" if self.gains else "apart"
        if self.gains:
            return "partly" if self.unknown else "together"
        alike = all(read.reading == "no difference" for read in self.against_alone)
        return "no difference" if alike and not self.lacking else "open"

    @property
    def beats_first(self) -> bool:
        """Whether it is better than the first arm in a task and worse in none."""
        found = {read.reading for read in self.against_first}
        return "better" in found and "worse" not in found


@dataclass(frozen=True)
class Advice:
    """Whether to train tasks together."""

    answer: Answer
    arm: Arm
    """The arm it is about: of the best answer, of several one that is better than the first of
    them, else the first, which is the simplest."""
    arms: tuple[Arm, ...]
    """All that train the tasks together, in the suite's order."""
    tasks: tuple[str, ...]
    judged: tuple[str, ...]
    """The tasks that decide: the main one, or all."""
    main: str | None
    margin: float
    """In percent."""
    results: Results

    @property
    def weighting_is_settled(self) -> bool:
        """Whether the arm is better than the first, or the first better than each other."""
        if self.arm.against_first:
            return self.arm.beats_first
        others = [{read.reading for read in one.against_first} for one in self.arms[1:]]
        return bool(others) and all("worse" in one and "better" not in one for one in others)


def advice(results: Results, margin: float = MARGIN, confidence: float = 0.95) -> Advice:
    """Say whether to train the tasks of a suite together.

    Args:
        results: With each task alone, and scenarios of all of them: the simplest first, such as a
            tuned constant.
        margin: Percent of a metric within which a difference is none that matters. That one is
            within, by two one-sided tests (Schuirmann, 1987), and that it is no loss beyond, by the
            first of them, is corrected for all arms and tasks by Holm's procedure, each for itself.
        confidence: 1 − confidence is the level of the verdicts, and of what is within the margin.

    Raises:
        RecordError: No scenario has several tasks, or nothing is known of one alone.
    """
    joint = _together(results)
    comparisons = planned(results, confidence=confidence)
    within = _Within(comparisons, margin, 1 - confidence)
    arms = tuple(_arm(results, one, joint[0], comparisons, within) for one in joint)
    if not any(one.against_alone for one in arms):
        raise RecordError(
            "expected results of a task alone and with others, of one seed at least, found none"
        )
    best = min(arms, key=lambda one: (_ORDER.index(one.answer), not one.beats_first))
    tasks, judged = joint[0].tasks, tuple(metric.task for metric in results.judged_metrics)
    main = results.main if judged == (results.main,) else None
    said = tuple(task for task in tasks if task in judged)
    return Advice(best.answer, best, arms, tasks, said, main, margin, results)


def _together(results: Results) -> list[Scenario]:
    """The scenarios that train the most tasks."""
    most = max((len(one.tasks) for one in results.measured.values()), default=0)
    if most < 2:
        raise RecordError("expected scenarios of several tasks with results, found none")
    joint = [one for one in results.measured.values() if len(one.tasks) == most]
    return [one for one in joint if one.tasks == joint[0].tasks]


class _Within:
    """Which differences from a task alone are known to be within a margin, or no loss beyond it."""

    def __init__(self, comparisons: Sequence[Comparison], margin: float, level: float) -> None:
        above, within = dict[int, float](), dict[int, float]()
        for n, one in enumerate(comparisons):
            most = margin / 100 * one.size
            loss, gain = (c.p_above(-most) for c in (one.change, one.change.negated()))
            if SINGLE in one.why and loss is not None and gain is not None:
                above[n], within[n] = loss, max(loss, gain)
        self.harmless, self.alike = (_below(p_values, level) for p_values in (above, within))


def _below(p_values: Mapping[int, float], level: float) -> set[int]:
    """Those that are below a level, corrected together."""
    adjusted = holm([*p_values.values()])
    return {n for n, p in zip(p_values, adjusted, strict=True) if p < level}


def _arm(
    results: Results,
    arm: Scenario,
    simplest: Scenario,
    comparisons: Sequence[Comparison],
    within: _Within,
) -> Arm:
    tasks = {metric.key: metric.task for metric in results.judged_metrics}
    alone, first = [], []
    for n, one in enumerate(comparisons):
        if one.b != arm.name:
            continue
        reading = _reading(one, n in within.alike)
        harmless = n in within.harmless or reading in ("better", "no difference")
        read = Read(tasks[one.metric], one, reading, harmless)
        if SINGLE in one.why:
            alone.append(read)
        elif FIRST in one.why and one.a == simplest.name:
            first.append(read)
    known = {read.task for read in alone}
    lacking = (task for task in tasks.values() if task in arm.tasks and task not in known)
    return Arm(arm.name, tuple(alone), tuple(first), tuple(lacking))


def _reading(one: Comparison, alike: bool) -> Reading:
    if alike or one.verdict == "identical":
        return "no difference"
    if one.verdict == "better":
        return "better"
    return "worse" if one.verdict == "worse" else "open"
