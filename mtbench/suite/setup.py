"""All that decides a run but its seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from mtbench.plugin.baseline import Baseline
from mtbench.plugin.component import Component
from mtbench.plugin.dataset import Dataset
from mtbench.plugin.split import Split
from mtbench.plugin.task import Task
from mtbench.plugin.tower import Tower
from mtbench.plugin.weighting import Weighting

from .labels import Labels
from .training import Train

Identify = Callable[[Component], dict[str, Any]]
"""Name, options and origin of a component, such as `Registry.identity`."""


@dataclass(frozen=True)
class Setup:
    """A scenario resolved against its suite: what is asked, and what is tried."""

    suite: str
    scenario: str
    dataset: Dataset
    split: Split
    towers: Mapping[str, Tower]
    """`query` and `candidate`."""
    tasks: Mapping[str, Task]
    """All tasks, each of them scored."""
    trained: tuple[str, ...]
    """Names of the tasks that are trained."""
    weighting: Weighting | None
    """None for a single task, whose loss is minimised as it is."""
    train: Train
    evaluate_on: Literal["test", "validation"] = "test"
    train_on: Literal["train", "train+validation"] = "train"
    stands_in_for: str | None = None
    """What `--synthetic` replaced."""
    baseline: Baseline | None = None
    """What is fitted in place of a model; then there are no towers."""
    tuning: Mapping[str, Any] | None = None
    """How its options were chosen, as JSON types: `records.tuning.Tuning`."""
    labels: Mapping[str, Labels] = field(default_factory=dict)
    """By task, what of its labels it learns from; a task that is not named from all."""
    threads: int | None = None
    """Of an operation; None for `runs.environment.num_threads`."""

    def question(self, identify: Identify) -> dict[str, Any]:
        """What is asked, as JSON types: setups with an equal one compare."""
        return {
            "dataset": identify(self.dataset),
            "stands_in_for": self.stands_in_for,
            "split": identify(self.split),
            "tasks": {
                name: {"name": task.name, "options": task.scored_options()}
                for name, task in self.tasks.items()
            },
            "evaluate_on": self.evaluate_on,
            **({} if self.train_on == "train" else {"train_on": self.train_on}),
        }

    def answer(self, identify: Identify) -> dict[str, Any]:
        """What is tried, as JSON types."""
        tuning = {"tuning": dict(self.tuning)} if self.tuning else {}
        if self.baseline:
            return {
                **tuning,
                "towers": {},
                "tasks": {
                    name: {**identify(self.tasks[name]), "options": task["options"]}
                    for name, task in self.question(identify)["tasks"].items()
                    if name in self.trained
                },
                "trained_tasks": list(self.trained),
                "weighting": None,
                "train": {},
                "baseline": identify(self.baseline),
            }
        labels = {
            task: each.model_dump(mode="json", exclude_none=True)
            for task, each in self.labels.items()
        }
        return {
            "towers": {side: identify(tower) for side, tower in self.towers.items()},
            "tasks": {name: identify(task) for name, task in self.tasks.items()},
            "task_order": list(self.tasks),  # heads draw their initial weights in this order
            "trained_tasks": list(self.trained),
            "weighting": self.weighting and identify(self.weighting),
            "train": self.train.model_dump(mode="json"),
            **tuning,
            **({"labels": labels} if labels else {}),
        }

    def trains_as(self, other: Setup) -> bool:
        """Whether both train the same model in the same way, whatever they are called."""
        return replace(self, suite="", scenario="") == replace(other, suite="", scenario="")
