"""What a suite is made of, once it is valid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from mtbench.plugin.dataset import Dataset
from mtbench.plugin.registry import Registry
from mtbench.plugin.split import Split
from mtbench.plugin.task import Task
from mtbench.plugin.tower import Tower
from mtbench.plugin.weighting import Weighting

from .labels import Labels
from .setup import Setup
from .training import Train


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
    stands_in_for: str | None = None
    """What `--synthetic` replaced."""
    registry: Registry | None = field(default=None, compare=False, repr=False)
    """Where its components come from."""

    def setup(self, scenario: str) -> Setup:
        """Resolve a scenario: what it says itself, and the suite's for the rest.

        Raises:
            KeyError: The suite has none of this name.
        """
        differences = self.scenarios[scenario]
        return Setup(
            suite=self.name,
            scenario=scenario,
            dataset=self.dataset,
            split=self.split,
            towers={**self.towers, **differences.towers},
            tasks={**self.tasks, **differences.options},
            trained=differences.tasks,
            weighting=differences.weighting,
            train=differences.train or self.train,
            evaluate_on=self.evaluate_on,
            stands_in_for=self.stands_in_for,
            labels=differences.labels,
        )
