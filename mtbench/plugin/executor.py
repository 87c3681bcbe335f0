"""The kind `executor`, and what passes between it, the driver and the workers.

The driver is the process of the command: it plans, stores records, tells observers. A worker
executes runs and knows nothing of folders. An executor decides where workers are and which of them
gets what; it opens none of what it hands on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, Protocol

from pydantic import Field

from .component import Component


@dataclass(frozen=True)
class Work:
    """What a worker is asked for: a run, or the trials of a study that are missing. Plain data."""

    key: str
    """Names it within a command: the id of a run, or of a study."""
    group: str
    """Works of one group share a traced model, so that one worker does best to have all of them."""
    asked: Mapping[str, Any]
    """JSON types, for the worker."""


Told = Literal[
    "ready",  # the data is read: further workers of this node will find it encoded
    "started",
    "epoch",
    "finished",  # a run has ended, well or not: its record
    "ended",  # all of a work is done
    "lost",  # the worker ended in the midst of a work
    "refused",  # nothing can be done at all: the data is not there
    "silent",  # nothing was heard for a long time
]


@dataclass(frozen=True)
class Event:
    """What a worker, or the one who watches it, has to say. Plain data."""

    told: Told
    work: str
    """Key of the work that it is about."""
    content: Mapping[str, Any] = field(default_factory=dict)
    """JSON types, for the driver."""
    arrays: Mapping[str, bytes] = field(default_factory=dict)
    """Files that belong to it."""


class Job(Protocol):
    """What is to be done, in an executor's hands. Not for several threads at once."""

    @property
    def bundle(self) -> Mapping[str, Any]:
        """JSON types: what a worker needs to plan the same runs; see `mtbench.workers`."""

    @property
    def over(self) -> bool:
        """Whether nothing is left, nor will be. Until then more may come of what is under way."""

    @property
    def groups(self) -> int:
        """How many groups there are works of: more workers than that gain little."""

    def take(self, group: str | None = None, at_most: int | None = None) -> Work | None:
        """Take what a worker is to do next; None for nothing at present.

        Args:
            group: Of what it did last.
            at_most: Of a study no more than so many runs; the rest is another work, later.
        """

    def give_back(self, work: Work) -> None:
        """Have a work done by another worker, since no fault of it was seen."""

    def tell(self, event: Event) -> None:
        """Hand an event to the driver, who stores a record before it returns.

        Raises:
            MtbenchError: It cannot be stored, or the worker refused.
        """

    def here(self) -> Callable[[Work], None]:
        """What does a work in this process, and tells of it."""


class Executor(Component):
    """Where runs are executed: in this process, in others, on other machines.

    Nothing of it decides a run but `threads`. What it has to keep: every run ends in exactly one
    `finished` or `lost`; whatever way `execute` ends, all that it started has ended.
    `mtbench check-plugin` holds it to that.
    """

    kind: ClassVar[str] = "executor"
    contains: ClassVar[bool] = True
    """Whether a run that ends its process costs no other run."""
    threads: Annotated[int, Field(ge=1)] | None = None
    """Threads of an operation, in every worker: they decide the bits of a result. Default:
    `TF_NUM_INTRAOP_THREADS`, or 2 whatever the machine."""

    def execute(self, job: Job) -> None:
        """Do all of a job.

        Raises:
            MtbenchError: It cannot be done here.
        """
        raise NotImplementedError
