"""`inline`: in the command's own process."""

from __future__ import annotations

import time

import mtbench


class Inline(mtbench.Executor):
    """Executes runs one after the other in the process of the command.

    For debuggers and notebooks: what a plugin prints is seen at once and breakpoints work. What
    ends the process ends the command with it.
    """

    name = "inline"
    contains = False

    def execute(self, job: mtbench.Job) -> None:
        """Do all of a job."""
        do, group = job.here(), None
        while not job.over:
            work = job.take(group)
            if work is None:  # another command is at what is left
                time.sleep(1)
                continue
            group = work.group
            do(work)


@mtbench.hookimpl
def mtbench_executors() -> list[type[mtbench.Executor]]:
    """Offer it."""
    return [Inline]
