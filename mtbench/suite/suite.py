"""What a suite is made of, once it is valid."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from mtbench.plugin.baseline import Baseline
from mtbench.plugin.dataset import Dataset
from mtbench.plugin.executor import Executor
from mtbench.plugin.registry import Registry
from mtbench.plugin.split import Split
from mtbench.plugin.task import Task
from mtbench.plugin.tower import Tower
from mtbench.plugin.weighting import Weighting

from .labels import Labels
from .setup import Setup
from .training import Train
from .tune import Tune, Values


@dataclass(frozen=True)
class Scenario:
    """Which tasks are trained, and how their losses are combined."""

    name: str
    tasks: tuple[str, ...]
    """Names of the trained tasks; every task of the suite is evaluated."""
    weighting: Weighting | None
    """None for a single task, whose loss is minimised as it is."""
    towers: Mapping[str, Tower] = field(default_factory=dict)
    """In place of the suite's, by side."""
    options: Mapping[str, Task] = field(default_factory=dict)
    """Tasks with other options than the suite's, by name."""
    train: Train | None = None
    """In place of the suite's."""
    labels: Mapping[str, Labels] = field(default_factory=dict)
    """By task, what of its labels it learns from; a task that is not named from all."""

    def differences(
        self, towers: Mapping[str, Tower], tasks: Mapping[str, Task], train: Train
    ) -> Scenario:
        """The same without what is as in a suite of these parts."""
        return replace(
            self,
            towers={side: tower for side, tower in self.towers.items() if tower != towers[side]},
            options={name: task for name, task in self.options.items() if task != tasks[name]},
            train=None if self.train == train else self.train,
        )


@dataclass(frozen=True)
class Budget:
    """What is tuned of an arm, and how often."""

    space: Mapping[str, Values]
    """By dotted path."""
    trials: int
    because: str | None = None
    """Why it is another number than that of the others."""


@dataclass(frozen=True)
class Asked:
    """What a suite was read from, so that another process can read the same."""

    suite: str | Mapping[str, Any]
    """Its file, or what such a file says."""
    overrides: tuple[str, ...] = ()
    seeds: str | None = None
    synthetic: bool = False


@dataclass(frozen=True)
class Suite:
    """A valid suite."""

    name: str
    dataset: Dataset
    split: Split
    towers: Mapping[str, Tower]
    """`query` and `candidate`."""
    tasks: Mapping[str, Task]
    scenarios: Mapping[str, Scenario]
    train: Train
    seeds: tuple[int, ...]
    evaluate_on: Literal["test", "validation"] = "test"
    train_on: Literal["train", "train+validation"] = "train"
    stands_in_for: str | None = None
    """What `--synthetic` replaced."""
    baselines: Mapping[str, Baseline] = field(default_factory=dict)
    """By name, which is none of a scenario."""
    tune: Tune | None = None
    """How options are chosen; None where they are not."""
    budgets: Mapping[str, Budget] = field(default_factory=dict)
    """By arm, where options are chosen."""
    main: str | None = None
    """The task that it is about; None for all of them."""
    variant: Callable[[str, Mapping[str, Any]], Scenario | Baseline] | None = field(
        default=None, compare=False, repr=False
    )
    """Makes an arm with other values at dotted paths, where options are chosen."""
    registry: Registry | None = field(default=None, compare=False, repr=False)
    """Where its components come from."""
    executor: Executor | None = field(default=None, compare=False)
    """Where its runs are executed."""
    asked: Asked | None = field(default=None, compare=False, repr=False)
    """What it was read from; None for one that was made otherwise."""

    @property
    def arms(self) -> tuple[str, ...]:
        """The names of all that is compared: scenarios, then baselines."""
        return (*self.scenarios, *self.baselines)

    def setup(self, arm: str, values: Mapping[str, Any] | None = None) -> Setup:
        """Resolve a scenario or baseline: what it says itself, and the suite's for the rest.

        Args:
            arm: Its name.
            values: Other ones, by dotted path, where options are chosen.

        Raises:
            KeyError: The suite has none of this name.
            SuiteError: The values are wrong.
        """
        said = self.baselines[arm] if arm in self.baselines else self.scenarios[arm]
        if values and self.variant:
            said = self.variant(arm, values)
        if isinstance(said, Scenario):
            return self._setup(arm, said)
        return self._setup(arm, Scenario(arm, served(said, self.tasks), None), said)

    def _setup(self, arm: str, differences: Scenario, baseline: Baseline | None = None) -> Setup:
        return Setup(
            suite=self.name,
            scenario=arm,
            dataset=self.dataset,
            split=self.split,
            towers={} if baseline else {**self.towers, **differences.towers},
            tasks={**self.tasks, **differences.options},
            trained=differences.tasks,
            weighting=differences.weighting,
            train=Train() if baseline else differences.train or self.train,
            evaluate_on=self.evaluate_on,
            train_on=self.train_on,
            stands_in_for=self.stands_in_for,
            baseline=baseline,
            labels=differences.labels,
            threads=self.executor.threads if self.executor else None,
        )


def served(baseline: Baseline, tasks: Mapping[str, Task]) -> tuple[str, ...]:
    """Names of the tasks that want something that a baseline gives."""
    return tuple(name for name, task in tasks.items() if task.wants in baseline.gives)
