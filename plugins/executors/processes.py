"""`processes`: in worker processes of this machine."""

from __future__ import annotations

import os
from typing import Annotated, Literal

import psutil
from pydantic import Field

import mtbench
from mtbench.workers import Crew, Limits, Size

OF_A_WORKER = 1_500_000_000
"""Bytes that a worker is thought to need."""


class Processes(mtbench.Executor):
    """Executes runs in worker processes of this machine.

    What ends a worker, or keeps it for ever, costs the run it was at: that is recorded as failed,
    with how it ended, and the next has a new worker. The seeds of a scenario stay on one worker,
    which keeps its traced model; idle ones take from others. With more than one, times are those of
    runs beside others: records say so.
    """

    name = "processes"
    workers: Annotated[int, Field(ge=1)] | Literal["auto"] = 1
    """How many; `auto` for as many as the machine has processors and memory for."""
    timeout: Annotated[float, Field(gt=0)] | None = None
    """Seconds after which a run is ended; default: never."""
    memory: Size | None = None
    """What a worker may take, such as `4GB`: above it an allocation fails (on Linux), above a
    quarter more the worker is ended. Default: what there is."""
    start_timeout: Annotated[float, Field(gt=0)] = 300.0
    """Seconds until a worker has imported TensorFlow and read the data."""

    def execute(self, job: mtbench.Job) -> None:
        """Do all of a job."""
        limits = Limits(self.timeout, self.memory, self.start_timeout)
        with Crew(job, self._number(job), self.threads, limits, self.name) as crew:
            crew.work()

    def _number(self, job: mtbench.Job) -> int:
        if self.workers != "auto":
            return self.workers
        has = getattr(os, "sched_getaffinity", None)
        processors = len(has(0)) if has else os.cpu_count() or 1
        room: int = psutil.virtual_memory().available // OF_A_WORKER
        return max(1, min(job.groups, processors // (self.threads or 1), room))


@mtbench.hookimpl
def mtbench_executors() -> list[type[mtbench.Executor]]:
    """Offer it."""
    return [Processes]
