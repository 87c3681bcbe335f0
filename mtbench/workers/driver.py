"""The driver of a command: hands works to an executor, stores what comes back and tells of it.

It needs no TensorFlow.
"""

from __future__ import annotations

import io
import platform
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mtbench import errors
from mtbench.errors import MtbenchError, RecordError
from mtbench.plugin.blame import blame
from mtbench.plugin.component import Component
from mtbench.plugin.executor import Event, Executor, Work
from mtbench.plugin.registry import Registry
from mtbench.plugin.run import Run
from mtbench.records import store
from mtbench.records.by_query import write_ids
from mtbench.records.record import Record
from mtbench.runs.execute import record_of_lost
from mtbench.runs.observers import Observers
from mtbench.runs.plan import PlannedRun
from mtbench.suite.suite import Suite

from .agenda import Agenda, Item
from .bundle import bundle_of
from .output import last_lines
from .performer import Performer

if TYPE_CHECKING:
    from mtbench.runs.progress import TerminalProgress

DIED = {"died": "WorkerDied", "timeout": "RunTimeout", "memory": "RunOutOfMemory"}
"""The error of a run whose worker ended, by how it did."""
TRIES = 3
"""How often a work is handed out before that it never starts is an error."""
WRITES, BETWEEN = 6, 10.0
"""How often a record is tried to be stored, and seconds in between: a full disk may be mended."""


class Driver:
    """A job for an executor: `mtbench.plugin.executor.Job`.

    Args:
        suite: The suite.
        registry: Where its components come from.
        agenda: What is to be done of it.
        observers: Are told of the runs.

    Attributes:
        shown: Shows how runs and trials go; None for nothing.
        training_rows: Size of the training part, once that is known.
    """

    def __init__(
        self, suite: Suite, registry: Registry, agenda: Agenda, observers: Observers
    ) -> None:
        self._suite, self._registry, self._agenda = suite, registry, agenda
        self._observers = observers
        self.shown: TerminalProgress | None = None
        assert suite.executor is not None  # noqa: S101 - every suite that was read has one
        self._executor: Executor = suite.executor
        self._runs: dict[str, Run] = {}
        self._tries = Counter[str]()
        self.training_rows: int | None = None

    def work(self) -> None:
        """Have the suite's executor do all that is to be done.

        Raises:
            MtbenchError: It cannot be done, or cannot be stored.
        """
        executor = self._executor
        try:
            for baseline in self._agenda.baselines:
                with self._blame(baseline):
                    baseline.require()
            self._agenda.clean()
            if self.over:
                return
            with self._blame(executor):
                executor.execute(self)
            if not self.over:
                left = self._agenda.left
                raise MtbenchError(f"executor {executor.name!r} ended with {left} works undone")
        finally:
            self._agenda.close()

    def _blame(self, component: Component) -> AbstractContextManager[None]:
        return blame(component, lambda: self._registry.origin(component).plugin)

    @cached_property
    def bundle(self) -> Mapping[str, Any]:
        """What a worker needs to plan the same runs."""
        return bundle_of(self._suite, self._registry, self._agenda.arms)

    @property
    def over(self) -> bool:
        """Whether nothing is left, nor will be."""
        return self._agenda.over

    @property
    def groups(self) -> int:
        """How many groups there are works of."""
        return self._agenda.groups

    def take(self, group: str | None = None, at_most: int | None = None) -> Work | None:
        """Take what a worker is to do next."""
        item = self._agenda.take(group)
        return self._agenda.work(item, at_most) if item else None

    def give_back(self, work: Work) -> None:
        """Have a work done by another worker."""
        self._runs.pop(work.key, None)
        self._agenda.put_back(work.key)

    def here(self) -> Callable[[Work], None]:
        """What does a work in this process."""
        place = {"executor": self._executor.name, "node": platform.node(), "workers_on_node": 1}
        arms = self._agenda.arms
        return Performer(self._suite, self._registry, self.tell, place, arms).do

    def tell(self, event: Event) -> None:
        """Take an event."""
        item = self._agenda.doing(event.work)
        handle = getattr(self, f"_{event.told}", None)
        if handle:
            handle(item, event)

    def _started(self, item: Item, event: Event) -> None:
        self._runs[item.key] = run = Run(**event.content["run"])
        self._tell(item, "mtbench_run_started", run)

    def _epoch(self, item: Item, event: Event) -> None:
        content = event.content
        self.training_rows = content["rows"]
        run, losses = self._runs[item.key], content["losses"]
        self._tell(item, "mtbench_epoch_ended", run, epoch=content["epoch"], losses=losses)

    def _finished(self, item: Item, event: Event) -> None:
        record = Record.of(event.content["record"])
        output = event.content.get("output", "")
        if record.error and (lines := last_lines(output)):
            error = record.error.model_copy(update={"output": lines})
            record = record.model_copy(update={"error": error})
        self._store(item, record, output, event.arrays)
        self._tries[item.key] = 0

    def _ended(self, item: Item, event: Event) -> None:
        self._agenda.ended(event.work)

    def _lost(self, item: Item, event: Event) -> None:
        """Make the record of a run whose worker ended; hand out again what had not started."""
        content, run = event.content, self._runs.get(item.key)
        if run is None:
            self._tries[item.key] += 1
            if self._tries[item.key] >= TRIES:
                raise MtbenchError(
                    f"{item.group}: no worker comes to start it: {content['message']}"
                )
            self._agenda.put_back(item.key)
            return
        error = {
            "type": DIED[content["kind"]],
            "message": content["message"],
            "output": last_lines(content["output"]),
        }
        arms = item.of.arms if isinstance(item.of, PlannedRun) else ()
        record = record_of_lost(run, error, arms, content["place"], content["seconds"])
        self._store(item, record, content["output"], {})
        self._agenda.ended(item.key)

    def _refused(self, item: Item, event: Event) -> None:
        """Raise what a worker has to say, as if it were said here."""
        kind = getattr(errors, event.content["type"], MtbenchError)
        error = MtbenchError(event.content["message"])
        error.__class__ = kind if issubclass(kind, MtbenchError) else MtbenchError
        raise error

    def _silent(self, item: Item, event: Event) -> None:
        run = self._runs.get(item.key)
        name = f"{run.scenario} seed {run.seed}" if run else item.group
        minutes = event.content["seconds"] / 60
        _say(f"{name}: no sign of it for {minutes:.0f} minutes")

    def _store(self, item: Item, record: Record, output: str, arrays: Mapping[str, bytes]) -> None:
        """Store a record and what belongs to it, then tell of it."""
        run = self._runs.pop(item.key)
        found = {name: _arrays(content) for name, content in arrays.items()}
        for tried in range(1, WRITES + 1):
            try:
                store.write_log(item.folder, record.run_id, output)
                if "queries" in found:
                    write_ids(item.folder, record, found["queries"]["ids"])
                record = store.write(
                    item.folder, record, found.get("by_query"), found.get("weights")
                )
                break
            except RecordError as error:
                if tried == WRITES:
                    raise
                _say(f"{error}; trying again")
                time.sleep(BETWEEN)
        self._agenda.keep(item, record)
        self._tell(item, "mtbench_run_finished", run, record=record)

    def _tell(self, item: Item, hook: str, run: Run, **arguments: Any) -> None:
        """Tell observers of a run; of one of a trial only what shows it."""
        if self.shown:
            getattr(self.shown, hook)(run=run, **arguments)
        if isinstance(item.of, PlannedRun):
            self._observers.tell(hook, run, **arguments)


def _say(text: str) -> None:
    sys.stderr.write(f"mtbench: {text}\n")


def _arrays(content: bytes) -> dict[str, np.ndarray]:
    """The arrays of an `.npz` file."""
    with np.load(io.BytesIO(content)) as arrays:
        return dict(arrays)
