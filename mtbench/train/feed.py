"""The batches of a training part, in the orders of a run's seed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import tensorflow as tf

from mtbench.data import history
from mtbench.data.dataset import Data
from mtbench.data.interactions import Interactions
from mtbench.plugin.weighting import BatchesWeighting, Weighting
from mtbench.suite.setup import Setup
from mtbench.suite.training import Train

from .rows import Lessons, column_of, own_columns

ROWS = 2**18
"""Rows that are fed at once, in whole batches."""


def batches_of(weighting: Weighting | None) -> int:
    """How many batches a strategy is handed in a step."""
    return weighting.batches if isinstance(weighting, BatchesWeighting) else 1


def make_feed(setup: Setup, data: Data) -> Feed:
    """Return a feed of the columns that the towers and tasks of a setup read."""
    needs = [name for tower in setup.towers.values() for name in tower.needs()]
    needs += [name for task in setup.tasks.values() for name in task.needs()]
    own: dict[str, Any] = {}
    for task, names in own_columns(setup).items():
        own[column_of(task)] = np.bool_
        own |= {column_of(task, name): data.interactions.dtypes[name] for name in names}
    columns = dict.fromkeys(["query", "candidate", *needs])
    return Feed(data, columns, setup.train, own, batches_of(setup.weighting))


class Feed:
    """The batches of one run after another, from one `tf.data` pipeline.

    Python is asked for the rows of some batches at a time, in the order of the epoch; a batch is a
    slice of them. So memory holds the order, 4 bytes a row, but no second copy of the columns.
    Autotuning is off: it can hold up the end of a `fit` for seconds.

    Where a step has several batches it is fed a tuple of them, as large as each other: each goes
    through all rows in an epoch, in an order of its own.

    Args:
        data: The dataset.
        columns: Names of those that are fed.
        options: How the suite trains.
        own: Types of the further columns that `Lessons.fed` makes, by name.
        batches: How many a step has.

    Attributes:
        dataset: The batches of all epochs of the run that was started last.
        types: TensorFlow's types of the columns, by name.
    """

    def __init__(
        self,
        data: Data,
        columns: Iterable[str],
        options: Train,
        own: Mapping[str, Any] = MappingProxyType({}),
        batches: int = 1,
    ) -> None:
        self._options, self._batches = options, batches
        self._columns = (*columns, *own)
        self._run = _FedRun({"query": np.empty(0, np.int32)}, 0)
        dtypes = {**data.interactions.dtypes, "history": np.int32, **own}
        self.types = {name: tf.as_dtype(dtypes[name]) for name in self._columns}
        types = list(self.types.values())

        def some(epoch: Any, start: Any) -> tf.data.Dataset:
            columns = tf.numpy_function(self._rows, [epoch, start], types * batches)
            for column in columns:
                column.set_shape([None])

            def batch(start: Any) -> Any:
                rows = [column[start : start + options.batch_size] for column in columns]
                each = (rows[at : at + len(types)] for at in range(0, len(rows), len(types)))
                fed = tuple(dict(zip(self._columns, part, strict=True)) for part in each)
                return fed if batches > 1 else fed[0]

            examples = tf.size(columns[0], tf.int64)
            return tf.data.Dataset.range(0, examples, options.batch_size).map(batch)

        def one_epoch(epoch: Any) -> tf.data.Dataset:
            examples = tf.numpy_function(lambda: np.int64(self._run.size), [], tf.int64)
            starts = tf.data.Dataset.range(0, examples, self._step)
            return starts.flat_map(lambda start: some(epoch, start))

        settings = tf.data.Options()
        settings.autotune.enabled = False
        epochs = tf.data.Dataset.range(options.epochs)
        self.dataset = epochs.flat_map(one_epoch).prefetch(2).with_options(settings)

    @property
    def _step(self) -> int:
        """Rows that Python is asked for at once: whole batches."""
        return self._options.batch_size * max(1, ROWS // self._options.batch_size)

    def start(self, train: Interactions, seed: int, lessons: Lessons | None = None) -> int:
        """Feed this training part from now on, in the orders of a seed.

        Args:
            train: The training part, which is what its queries' histories are of.
            seed: Of the run.
            lessons: What tasks learn from; default: all of it.

        Returns:
            How many rows an epoch has.
        """
        columns = train.columns
        if "history" in self._columns:
            columns = {**columns, "history": history.positions(train)}
        self._run = _FedRun(lessons.fed(columns) if lessons else columns, seed)
        return self._run.size

    def _rows(self, epoch: np.ndarray, start: np.ndarray) -> list[np.ndarray]:
        """Columns of the rows from `start` on, in the orders of an epoch, counted from 0."""
        part = slice(start, start + self._step)
        taken = (self._taken(int(epoch), part, number) for number in range(self._batches))
        return [column for columns in taken for column in columns]

    def batch(self, epoch: int, step: int) -> dict[str, np.ndarray]:
        """Columns of the first batch that a step of an epoch is fed, both counted from 0."""
        start = step * self._options.batch_size
        rows = slice(start, start + self._options.batch_size)
        return dict(zip(self._columns, self._taken(epoch, rows), strict=True))

    def _taken(self, epoch: int, part: slice, number: int = 0) -> list[np.ndarray]:
        """Columns of a part of an epoch's rows, in the order of a step's batches of a number."""
        run = self._run  # an earlier run's pipeline may still be asking when another starts
        rows = run.order(epoch if self._options.reshuffle else 0, number)[part]
        return [run.columns[name][rows] for name in self._columns]


class _FedRun:
    """Columns of a training part and their orders, of which the last epoch's are kept."""

    def __init__(self, columns: Mapping[str, np.ndarray], seed: int) -> None:
        self.columns, self.size, self._seed = columns, len(columns["query"]), seed
        self._last: dict[int, tuple[int, np.ndarray]] = {}

    def order(self, epoch: int, number: int = 0) -> np.ndarray:
        """Row numbers in an epoch's order of the batches of a number in a step, int32 `[n]`."""
        kept, order = self._last.get(number, (-1, np.empty(0, np.int32)))
        if kept != epoch:
            further = [number] if number else []
            stream = np.random.default_rng([self._seed, 1, epoch, *further])
            order = stream.permutation(self.size).astype(np.int32)
            self._last[number] = (epoch, order)
        return order
