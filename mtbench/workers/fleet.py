"""Workers on several machines, as the command sees them: who is at what, and what was lost.

For executors whose engine places tasks elsewhere. It knows no engine: it is told who is there, says
who gets what, and takes what comes back, each event once and in its order.
"""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mtbench.plugin.executor import Event, Job, Work


@dataclass(frozen=True)
class Task:
    """A work in one worker's hands."""

    key: str
    """No other task of this process has it, of the same work neither."""
    worker: str
    """Its address, or how else the engine calls it."""
    node: str
    """The machine that it is on."""
    work: Work
    place: Mapping[str, Any]
    """What records say of where they are made, but for the node."""
    given: float = field(default_factory=time.monotonic)


class Fleet:
    """The workers of a job.

    Args:
        job: What they do.
        name: Of the executor, for the records.
        losses: How often a work is given to another worker because its worker was lost; after that
            its run has failed.
        at_once: How many are to have work at a time; default: all there are.
    """

    def __init__(self, job: Job, name: str, losses: int, at_once: int | None = None) -> None:
        self._job, self._name, self._losses, self._at_once = job, name, losses, at_once
        self._nodes: dict[str, str] = {}
        self._groups: dict[str, str] = {}
        self._encoded: set[str] = set()
        self._tasks: dict[str, Task] = {}
        self._told = Counter[str]()
        self._lost = Counter[str]()
        self._numbers = itertools.count()

    @property
    def busy(self) -> bool:
        """Whether any worker has a task."""
        return bool(self._tasks)

    def see(self, nodes: Mapping[str, str]) -> list[Task]:
        """Note who is there.

        Args:
            nodes: For each worker the machine that it is on.

        Returns:
            The tasks of those that are there no more, given up.
        """
        self._nodes = dict(nodes)
        gone = [task for task in self._tasks.values() if task.worker not in nodes]
        for task in gone:
            self.lose(task.key, "was lost")
        return gone

    def hand_out(self) -> Iterator[Task]:
        """Yield a task for each worker that has none, as long as there is something to do.

        The first worker of a machine encodes the data, before others of it get anything.
        """
        busy = {task.worker for task in self._tasks.values()}
        for worker, node in self._nodes.items():
            others = any(self._nodes.get(other) == node for other in busy)
            if worker in busy or (others and node not in self._encoded):
                continue
            if self._at_once is not None and len(busy) >= self._at_once:
                return
            work = self._job.take(self._groups.get(worker), at_most=1)
            if work is None:
                return
            number = sum(other == node for other in self._nodes.values())
            place = {
                "executor": self._name,
                "workers_on_node": min(number, self._at_once or number),
            }
            task = Task(f"{work.key}-{next(self._numbers)}", worker, node, work, place)
            self._tasks[task.key], self._groups[worker] = task, work.group
            busy.add(worker)
            yield task

    def hear(self, key: str, number: int, event: Event) -> None:
        """Take an event of a task as it happens, where that is possible.

        Args:
            key: The task's; one that was given up is not listened to.
            number: Of the event, from 0: one whose predecessor was not heard waits for `end`.
            event: It.
        """
        task = self._tasks.get(key)
        if task is None or number != self._told[key]:
            return
        self._told[key] += 1
        if event.told == "ready":
            self._encoded.add(task.node)
        self._job.tell(event)

    def end(self, key: str, events: Sequence[Event]) -> None:
        """Take all events of a task that has returned."""
        for number, event in enumerate(events):
            self.hear(key, number, event)
        if events and events[-1].told in ("ended", "lost"):
            if task := self._tasks.pop(key, None):
                del self._lost[task.work.key]
        else:
            self.lose(key, "returned too early")

    def lose(self, key: str, how: str) -> None:
        """Give up a task whose worker was lost, or do its work elsewhere."""
        task = self._tasks.pop(key, None)
        if task is None:
            return
        self._lost[task.work.key] += 1
        if (times := self._lost[task.work.key]) <= self._losses:
            self._job.give_back(task.work)
            return
        del self._lost[task.work.key]
        why = f"its worker {task.worker} {how}"
        content = {
            "kind": "died",
            "message": why if times == 1 else f"{why}, and {times - 1} before it",
            "run": None,
            "output": "",
            "place": {"node": task.node, **task.place},
            "seconds": time.monotonic() - task.given,
        }
        self._job.tell(Event("lost", task.work.key, content))
