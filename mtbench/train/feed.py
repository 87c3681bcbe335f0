"""The batches of a training part, in the orders of a run's seed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow as tf

from mtbench.data import history
from mtbench.data.dataset import Data
from mtbench.data.interactions import Interactions
from mtbench.suite.setup import Setup
from mtbench.suite.training import Train

ROWS = 2**18
"""Rows that are fed at once, in whole batches."""


def make_feed(setup: Setup, data: Data) -> Feed:
    """Return a feed of the columns that the towers and tasks of a setup read."""
    needs = [name for tower in setup.towers.values() for name in tower.needs()]
    needs += [name for task in setup.tasks.values() for name in task.needs()]
    return Feed(data, dict.fromkeys(["query", "candidate", *needs]), setup.train)


class Feed:
    """The batches of one run after another, from one `tf.data` pipeline.

    Python is asked for the rows of some batches at a time, in the order of the epoch; a batch is a
    slice of them. So memory holds the order, 4 bytes a row, but no second copy of the columns.
    Autotuning is off: it can hold up the end of a `fit` for seconds.

    Attributes:
        dataset: The batches of all epochs of the run that was started last.
    """

    def __init__(self, data: Data, columns: Iterable[str], options: Train) -> None:
        self._options = options
        self._columns = tuple(columns)
        self._run = _FedRun(data.interactions, 0)
        dtypes = {**data.interactions.dtypes, "history": np.int32}
        types = [tf.as_dtype(dtypes[name]) for name in self._columns]

        def some(epoch: Any, start: Any) -> tf.data.Dataset:
            columns = tf.numpy_function(self._rows, [epoch, start], types)
            for column in columns:
                column.set_shape([None])

            def batch(start: Any) -> dict[str, Any]:
                rows = slice(start, start + options.batch_size)
                return {
                    name: column[rows] for name, column in zip(self._columns, columns, strict=True)
                }

            examples = tf.size(columns[0], tf.int64)
            return tf.data.Dataset.range(0, examples, options.batch_size).map(batch)

        def one_epoch(epoch: Any) -> tf.data.Dataset:
            examples = tf.numpy_function(lambda: np.int64(len(self._run.train)), [], tf.int64)
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

    def start(self, train: Interactions, seed: int) -> None:
        """Feed this training part from now on, in the orders of a seed."""
        if "history" in self._columns:
            columns = {**train.columns, "history": history.positions(train)}
            train = Interactions(columns, train.num_queries, train.num_candidates)
        self._run = _FedRun(train, seed)

    def _rows(self, epoch: np.ndarray, start: np.ndarray) -> list[np.ndarray]:
        """Columns of the rows from `start` on, in the order of an epoch, counted from 0."""
        run = self._run  # an earlier run's pipeline may still be asking when another starts
        order = run.order(int(epoch) if self._options.reshuffle else 0)
        rows = order[start : start + self._step]
        return [run.train.columns[name][rows] for name in self._columns]


class _FedRun:
    """A training part and its orders, of which the last is kept."""

    def __init__(self, train: Interactions, seed: int) -> None:
        self.train, self._seed = train, seed
        self._last: tuple[int, np.ndarray] = (-1, np.empty(0, np.int32))

    def order(self, epoch: int) -> np.ndarray:
        """Row numbers in the order of an epoch, int32 `[n]`."""
        number, order = self._last
        if number != epoch:
            stream = np.random.default_rng([self._seed, 1, epoch])
            order = stream.permutation(len(self.train)).astype(np.int32)
            self._last = (epoch, order)
        return order
