"""What a suite is made of, once it is valid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mtbench.plugin.dataset import Dataset
from mtbench.plugin.split import Split
from mtbench.plugin.task import Task
from mtbench.plugin.tower import Tower
from mtbench.plugin.weighting import Weighting

from .training import Train

SIDES = ("query", "candidate")


@dataclass(frozen=True)
class Scenario:
    """Which tasks are trained, and how their losses are combined."""

    name: str
    tasks: tuple[str, ...]
    """Names of the trained tasks; every task of the suite is evaluated."""
    weighting: Weighting | None
    """None for a single task, whose loss is minimised as it is."""


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
