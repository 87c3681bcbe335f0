"""Runs one after the other in this process: executed, stored, told of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mtbench.plugin.registry import Registry
from mtbench.records import store
from mtbench.records.by_query import write_ids
from mtbench.records.record import Record
from mtbench.suite.setup import Setup

from .execute import Listener, execute
from .observers import notify
from .plan import PlannedRun
from .stages import Stages

if TYPE_CHECKING:
    from mtbench.train.model import MultiTaskModel


class _Teller(Listener):
    """Tells the observers of a run, and keeps what is stored beside its record."""

    def __init__(self, registry: Registry, run: PlannedRun, folder: Path, models: bool) -> None:
        self._registry, self._run, self._folder, self._models = registry, run, folder, models
        self.by_query: Mapping[str, np.ndarray] = {}

    def epoch_ended(self, epoch: int, losses: Mapping[str, float]) -> None:
        """Tell the observers."""
        notify(self._registry, "mtbench_epoch_ended", run=self._run.run, epoch=epoch, losses=losses)

    def scored(self, model: MultiTaskModel | None, by_query: Mapping[str, np.ndarray]) -> None:
        """Keep the values by query, and the model where it is asked for."""
        self.by_query = by_query
        if self._models and model:
            from mtbench.train.artifacts import save_weights  # noqa: PLC0415 - TensorFlow

            save_weights(model, store.weights_path(self._folder, self._run.id))


def prepare(setups: Sequence[Setup], seed: int, stages: Stages, folder: Path) -> None:
    """Do what is to be done before the first run, and find out what is wrong before it starts.

    Args:
        setups: What is to be run.
        seed: Of the first run.
        stages: What the runs share.
        folder: Where the records go.

    Raises:
        DataError: The data is not there or lacks a column that a task reads.
        MtbenchError: A baseline lacks a package.
        RecordError: The folder cannot be written to.
    """
    store.prepare_folder(folder)
    for baseline in [setup.baseline for setup in setups if setup.baseline]:
        baseline.require()
    stages.prepare(setups[0], seed)
    for path in store.leftovers(folder):
        path.unlink(missing_ok=True)


def perform(
    runs: Sequence[PlannedRun],
    registry: Registry,
    folder: Path,
    *,
    save_models: bool = False,
    stages: Stages | None = None,
) -> Iterator[Record]:
    """Execute runs and store a record of each.

    Args:
        runs: The runs, those of a scenario one after the other.
        registry: Where the components come from; its observers are told.
        folder: Where the records go.
        save_models: Store the weights of the epoch that is kept beside each record.
        stages: What they share; default: what is made for them.

    Yields:
        Each record, after it was stored. A run that raises gives a record with status `failed`.

    Raises:
        DataError: The data is not there or lacks a column that a task reads.
        MtbenchError: A baseline lacks a package.
        RecordError: The folder cannot be written to.
    """
    if not runs:
        store.prepare_folder(folder)
        return
    stages = stages or Stages(registry.identity)
    prepare([run.setup for run in runs], runs[0].seed, stages, folder)
    for run in runs:
        notify(registry, "mtbench_run_started", run=run.run)
        teller = _Teller(registry, run, folder, save_models)
        record = execute(run, stages, teller)
        store.write(folder, record, teller.by_query if record.ok else None)
        if record.ok and teller.by_query:
            write_ids(folder, record, stages.data(run.setup).query.ids)
        notify(registry, "mtbench_run_finished", run=run.run, record=record)
        yield record
