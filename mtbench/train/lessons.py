"""A step's batches, where tasks learn from rows of their own."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from mtbench.plugin.batch import Batch, Embedded, Tensor
from mtbench.plugin.task import Head

from .embedding import EmbeddedSide
from .rows import column_of


@dataclass(frozen=True)
class OwnBatch(Batch):
    """The rows of a batch that one task learns from.

    Where there is none, it holds the batch's first row, since losses need one, and counts nothing.
    """

    source: Batch
    """The whole batch."""
    size: Tensor
    """Number of rows that count, int32 scalar."""

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """The towers' outputs, which the tasks share."""
        return self.source.outputs


def own_batches(
    batches: Mapping[str, Batch], candidates: EmbeddedSide, training: bool
) -> dict[str, Batch]:
    """Give each task the rows it learns from, by the columns that say so.

    Nothing but those is embedded anew that have another candidate: rows are taken of the towers'
    outputs, and gradients stay those by what the tasks share.

    Args:
        batches: Of each trained task, with all rows.
        candidates: Embeds them.
        training: Whether the towers are to train.
    """
    own: dict[str, Batch] = {}
    for task, batch in batches.items():
        own[task] = batch
        if column_of(task) in batch.columns:
            own[task] = _own(batch, candidates, training)
    return own


def _own(batch: Batch, candidates: EmbeddedSide, training: bool) -> OwnBatch:
    task = batch.task
    learns, candidate = batch.columns[column_of(task)], column_of(task, "candidate")
    columns = {
        name: batch.columns.get(column_of(task, name), column)
        for name, column in batch.columns.items()
    }
    embedded: Mapping[str, Embedded] = {}
    if candidate in columns:
        embedded = candidates.embed(columns, _tasks_of(batch), training)
    source = _with(batch, columns, embedded)
    first = tf.range(tf.size(learns)) == 0
    rows = source.take(learns | (first & ~tf.reduce_any(learns)))
    return OwnBatch(
        rows.columns,
        rows.query,
        rows.candidate,
        task,
        rows.everything,
        source,
        tf.math.count_nonzero(learns, dtype=tf.int32),
        reads=rows.reads,
    )


def _tasks_of(batch: Batch) -> tuple[str, ...]:
    """The task of a batch, and those that its head reads, by way of others too."""
    read = [task for each in batch.reads.values() for task in _tasks_of(each.batch)]
    return tuple(dict.fromkeys((batch.task, *read)))


def _with(batch: Batch, columns: Mapping[str, Tensor], candidates: Mapping[str, Embedded]) -> Batch:
    """A batch of other columns and, for some tasks, candidates; also to the heads it reads."""
    reads = {
        name: dataclasses.replace(each, batch=_with(each.batch, columns, candidates))
        for name, each in batch.reads.items()
    }
    candidate = candidates.get(batch.task, batch.candidate)
    return dataclasses.replace(batch, columns=columns, candidate=candidate, reads=reads)


def loss_of(head: Head, batch: Batch) -> Any:
    """The loss of a batch; 0 with a gradient of 0 where no row of it counts."""
    loss = head.loss(batch)
    if isinstance(batch, OwnBatch):
        loss *= tf.cast(tf.minimum(batch.size, 1), tf.float32)
    return loss


def counted(head: Head, batch: Batch, incomplete: Iterable[str] = ()) -> Tensor | None:
    """How many examples a batch's loss is of, int32 scalar; None for all of its rows.

    Args:
        head: Of the batch's task; what it says itself goes first (`Head.counted`).
        batch: Its rows.
        incomplete: The columns that the loss reads and that may lack a value, NaN.
    """
    number = head.counted(batch) if hasattr(head, "counted") else None
    if number is not None:
        number = tf.cast(number, tf.int32)
    elif columns := tuple(incomplete):
        known = [~tf.math.is_nan(batch.columns[name]) for name in columns]
        number = tf.math.count_nonzero(tf.reduce_all(known, 0), dtype=tf.int32)
    if isinstance(batch, OwnBatch):  # without a row it holds one that does not count
        return batch.size if number is None else number * tf.minimum(batch.size, 1)
    return number
