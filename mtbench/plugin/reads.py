"""What a task reads of another one, and the order that this gives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Read:
    """That a head is handed something of another task's, for the rows of each of its batches."""

    task: str
    """Name of the other task in the suite."""
    what: tuple[str, ...] = ("prediction",)
    """What of it, of the names in that task's `hands`."""
    gradients: bool = True
    """Whether the reader's loss reaches the parameters of what it reads; if not, what is handed on
    is a constant to it."""


class Reader(Protocol):
    """What is asked of a task here."""

    def reads(self) -> tuple[Read, ...]:
        """Return what it reads."""


def with_read(
    tasks: Mapping[str, Reader], names: Iterable[str], through: bool = False
) -> tuple[str, ...]:
    """Some tasks and all that they read, and what those read: each once, before who reads it.

    Args:
        tasks: All tasks by name; what they read has no circle.
        names: Of some of them.
        through: Leave out what no gradient of these tasks reaches.
    """
    order: dict[str, None] = {}
    for name in names:
        read = (each.task for each in tasks[name].reads() if each.gradients or not through)
        order |= dict.fromkeys((*with_read(tasks, read, through), name))
    return tuple(order)
