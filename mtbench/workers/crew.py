"""Several workers of one machine, each under its supervisor, at work on a job."""

from __future__ import annotations

import platform
import select
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from mtbench.plugin.executor import Job
from mtbench.runs.environment import num_threads

from .limits import Limits
from .supervisor import Supervisor

WAIT = 0.2
"""Seconds that it waits for events before it looks at limits and at what others have left."""


class Crew:
    """Workers of this machine; leaving it ends them.

    Args:
        job: What they do.
        workers: How many.
        threads: Of an operation; default: `num_threads`.
        limits: What each may take.
        name: Of the executor, for the records.
    """

    def __init__(
        self, job: Job, workers: int, threads: int | None, limits: Limits, name: str
    ) -> None:
        self._job, self._threads, self._limits = job, threads or num_threads(), limits
        self._workers: list[Supervisor | None] = [None] * workers
        self._groups: list[str | None] = [None] * workers
        self._place = {"executor": name, "node": platform.node(), "workers_on_node": workers}
        self._encoded = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for worker in self._present():
            worker.close()

    def work(self) -> None:
        """Do all of the job."""
        while not self._job.over:
            self._hand_out()
            waits = [each for worker in self._present() for each in worker.waits_on]
            if waits:
                select.select(waits, [], [], WAIT)
            else:
                time.sleep(WAIT)
            for worker in self._present():
                for event in worker.poll():
                    self._encoded = self._encoded or event.told == "ready"
                    self._job.tell(event)

    def _present(self) -> Iterator[Supervisor]:
        yield from (worker for worker in self._workers if worker)

    def _hand_out(self) -> None:
        """Give work to who has none. The first worker encodes the data before others start."""
        for n in range(len(self._workers)):
            worker = self._workers[n]
            busy = worker and worker.alive and worker.work
            if busy or (n and not self._encoded):
                continue
            work = self._job.take(self._groups[n])
            if work is None:
                continue
            if not (worker and worker.alive):
                worker = self._workers[n] = self._started()
            self._groups[n] = work.group
            worker.give(work)

    def _started(self) -> Supervisor:
        return Supervisor(self._job.bundle, self._threads, self._limits, place=self._place)
