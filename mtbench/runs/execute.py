"""Executing a plan: run after run, each ending in a record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mtbench.plugin.registry import Registry
from mtbench.plugin.run import Run
from mtbench.records import store as records
from mtbench.suite.suite import Suite

from .observers import notify
from .session import _Session


def pending(plan: Sequence[Run], folder: Path, force: bool = False) -> list[Run]:
    """Return the runs of a plan that have yet to be done; a failed one has."""
    return [run for run in plan if force or not records.done(folder, run.id)]


def execute(
    suite: Suite, runs: Sequence[Run], registry: Registry, folder: Path
) -> Iterator[dict[str, Any]]:
    """Execute runs and store a record of each.

    Args:
        suite: What they belong to.
        runs: The runs, those of a scenario one after the other.
        registry: Where the components come from; its observers are told.
        folder: Where the records go.

    Yields:
        Each record, after it was stored. A run that raises gives a record with status `failed`.

    Raises:
        DataError: The data is not there or lacks a column that a task reads.
        RecordError: The folder cannot be written to.
    """
    records.prepare_folder(folder)
    if not runs:
        return
    suite.dataset.require()
    session = _Session(suite, registry, runs[0].seed)
    for path in records.leftovers(folder):
        path.unlink(missing_ok=True)
    for run in runs:
        notify(registry, "mtbench_run_started", run=run)
        record = session.record(run)
        records.write(folder, record, session.by_query)
        notify(registry, "mtbench_run_finished", run=run, record=record)
        yield record
