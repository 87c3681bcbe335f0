"""The hooks a plugin can implement.

Provider hooks take nothing and return component classes; they must have no side effect. Observer
hooks see a run and cannot change it: an exception in one becomes a warning.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from .dataset import Dataset
    from .observer import Observer
    from .run import Run
    from .split import Split
    from .task import Task
    from .tower import Tower
    from .weighting import Weighting

PROJECT = "mtbench"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def mtbench_datasets() -> Iterable[type[Dataset]]:
    """Datasets.

    Example:
        >>> @mtbench.hookimpl
        ... def mtbench_datasets():
        ...     return [MyDataset]
    """
    raise NotImplementedError


@hookspec
def mtbench_splits() -> Iterable[type[Split]]:
    """Ways to divide a dataset into a training and a test part."""
    raise NotImplementedError


@hookspec
def mtbench_towers() -> Iterable[type[Tower]]:
    """Networks from the features of one side to an embedding."""
    raise NotImplementedError


@hookspec
def mtbench_tasks() -> Iterable[type[Task]]:
    """Things a model must do."""
    raise NotImplementedError


@hookspec
def mtbench_weightings() -> Iterable[type[Weighting]]:
    """Strategies that combine the losses of several tasks."""
    raise NotImplementedError


@hookspec
def mtbench_observers() -> Iterable[type[Observer]]:
    """Observers that act where a user asks for them: `mtbench run --track NAME`."""
    raise NotImplementedError


@hookspec
def mtbench_run_started(run: Run) -> None:
    """Called before a run trains."""


@hookspec
def mtbench_epoch_ended(run: Run, epoch: int, losses: Mapping[str, float]) -> None:
    """Called after each epoch, counted from 1, with the mean training loss of each trained task."""


@hookspec
def mtbench_run_finished(run: Run, record: Mapping[str, Any]) -> None:
    """Called with the record of a run, whether it is `ok` or `failed`, after it was stored."""
