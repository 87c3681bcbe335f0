"""The rows of the training part that each task learns from, where some get fewer labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mtbench.data.interactions import Interactions
from mtbench.data.labels import have_all
from mtbench.errors import DataError
from mtbench.plugin.task import Task
from mtbench.suite.labels import Labels
from mtbench.suite.setup import Setup

ORDER, SHUFFLE = 2, 3
"""Streams of a run's seed; 1 is that of the batches."""


def column_of(task: str, name: str = "") -> str:
    """Name of a fed column of a task's own: of `name` as it has it, or of whether a row is its."""
    return f"{task}/{name or 'learns'}"


def own_columns(setup: Setup) -> dict[str, tuple[str, ...]]:
    """The columns that trained tasks have values of their own in, by task whose rows are apart.

    None is where one task alone is trained: then what is fed are its rows.
    """
    if len(setup.trained) < 2:
        return {}
    return {
        name: _replaced(setup.tasks[name], setup.labels[name])
        for name in setup.trained
        if name in setup.labels and not setup.labels[name].whole
    }


def _replaced(task: Task, labels: Labels) -> tuple[str, ...]:
    """The columns that are shuffled."""
    return {None: (), "candidate": ("candidate",), "label": task.learns_from()}[labels.shuffle]


@dataclass(frozen=True)
class Lesson:
    """What a task learns from."""

    rows: np.ndarray
    """Numbers of its rows in the training part, increasing, int64 `[n]`."""
    replaced: Mapping[str, np.ndarray]
    """Columns that it has others of, `[n]` each."""

    def of(self, train: Interactions) -> Interactions:
        """Return its rows of the training part."""
        taken = train.take(self.rows)
        columns = {**taken.columns, **self.replaced}
        return Interactions(columns, train.num_queries, train.num_candidates, train.seals)


def kept_rows(task: Task, train: Interactions, share: float, seed: int) -> np.ndarray:
    """Choose a share of the rows that have a task's labels, int64 `[n]`, increasing.

    They are the first of these rows in an order of all, which is one for all tasks and shares of a
    seed: so the rows of a smaller share are among those of a larger one.
    """
    order = np.random.default_rng([seed, ORDER]).permutation(len(train))
    labelled = order[have_all(train, task.learns_from())[order]]
    return np.sort(labelled[: max(1, round(share * len(labelled)))])


class Lessons:
    """What the tasks of a setup learn from in a run.

    Args:
        setup: What is trained.
        train: The training part.
        seed: Of the run.

    Attributes:
        by_task: The rows that a task's head is to see, where these are not the training part.

    Raises:
        DataError: A task has no row to learn from.
    """

    def __init__(self, setup: Setup, train: Interactions, seed: int) -> None:
        self._setup = setup
        self._lessons: dict[str, Lesson] = {}
        for name, labels in setup.labels.items():
            if labels.whole:
                continue
            task = setup.tasks[name]
            rows = kept_rows(task, train, labels.share, seed)
            if not len(rows):
                raise DataError(
                    f"task {name!r}: expected rows with a label to train on, found none"
                )
            rng = np.random.default_rng([seed, SHUFFLE, list(setup.tasks).index(name)])
            mixed = rows[rng.permutation(len(rows))]
            replaced = {key: train.columns[key][mixed] for key in _replaced(task, labels)}
            self._lessons[name] = Lesson(rows, replaced)
        self.by_task = {name: lesson.of(train) for name, lesson in self._lessons.items()}

    def fed(self, columns: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        """Return the columns of the rows that trained tasks learn from, in their order.

        Args:
            columns: Those of the training part, `[n]` each.
        """
        lessons = [self._lessons.get(name) for name in self._setup.trained]
        if not any(lessons):
            return columns
        n = len(columns["query"])
        rows = np.arange(n)
        if all(lessons):
            rows = np.unique(np.concatenate([lesson.rows for lesson in lessons if lesson]))
        fed = {name: column[rows] for name, column in columns.items()}
        if len(lessons) == 1 and lessons[0]:
            return {**fed, **lessons[0].replaced}
        for task, names in own_columns(self._setup).items():
            lesson = self._lessons[task]
            learns = np.zeros(n, bool)
            learns[lesson.rows] = True
            fed[column_of(task)] = learns[rows]
            for name in names:
                column = columns[name].copy()
                column[lesson.rows] = lesson.replaced[name]
                fed[column_of(task, name)] = column[rows]
        return fed
