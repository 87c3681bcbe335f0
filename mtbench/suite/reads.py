"""What tasks read of each other, checked for the tasks of one scenario."""

from __future__ import annotations

import graphlib
from collections.abc import Collection, Iterator, Mapping

from mtbench.config import document as marks
from mtbench.errors import did_you_mean
from mtbench.plugin.reads import Read, with_read
from mtbench.plugin.task import Task

Fault = tuple[marks.Path_, str]
"""Where in a scenario, and what is wrong."""


def faults_of_reads(tasks: Mapping[str, Task]) -> Iterator[Fault]:
    """The faults of what tasks read: no such task, nothing handed on of that name, a circle."""
    for name, task in tasks.items():
        for each in task.reads():
            yield from _of_one(name, each, tasks)
    try:
        read = {name: [each.task for each in task.reads()] for name, task in tasks.items()}
        graphlib.TopologicalSorter(read).prepare()
    except graphlib.CycleError as error:
        circle = error.args[1][:0:-1]  # who reads first
        start = circle.index(min(circle))
        names = [*circle[start:], *circle[:start], circle[start]]
        path = _path(names[0], names[1], tasks)
        yield path, f"a circle of tasks that read each other: {' → '.join(names)}"


def _of_one(name: str, read: Read, tasks: Mapping[str, Task]) -> Iterator[Fault]:
    """The faults of what one task reads of another."""
    path = _path(name, read.task, tasks)
    if read.task not in tasks:
        near = did_you_mean(read.task, tasks)
        yield path, f"expected a task of the suite to read, found {read.task!r}{near}"
        return
    hands = tasks[read.task].hands
    for what in read.what:
        if what not in hands:
            there = ", ".join(hands) or "nothing"
            component = tasks[read.task].name
            fault = (
                f"expected a task that hands on {what!r}, found {read.task!r}: a task of "
                f"{component!r} hands on {there}"
            )
            yield path, fault


def _path(name: str, read: str, tasks: Mapping[str, Task]) -> marks.Path_:
    """Where a task says what it reads: the option with that name, or the task."""
    options = tasks[name].options()
    return ("tasks", name, *[option for option, value in options.items() if value == read][:1])


def untrained(
    tasks: Mapping[str, Task], trained: Collection[str], before: Collection[str] = ()
) -> Iterator[tuple[str, str]]:
    """Who of some trained tasks reads what no loss trains: reader and read.

    A read task is trained by its own loss, or by that of a reader whose gradients go through.

    Args:
        tasks: All, whose reads have no fault.
        trained: Names of those that are trained.
        before: Names of those that were trained before.
    """
    moved = {*with_read(tasks, trained, through=True), *with_read(tasks, before, through=True)}
    for name in with_read(tasks, trained):
        for each in tasks[name].reads():
            if each.task not in moved:
                yield name, each.task
