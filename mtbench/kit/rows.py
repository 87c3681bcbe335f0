"""Rows of a batch that count, and those that do not."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from mtbench.data.filters import Range
from mtbench.plugin.batch import Batch

from .scores import Tensor


def labels_of(batch: Batch, label: str, weight: str | None = None) -> tuple[Tensor, Tensor]:
    """The label of each example, 0 where it is missing, and its weight, 0 where that is so.

    Args:
        batch: The batch.
        label: Column of the label.
        weight: That of the weights; None for 1.

    Returns:
        float32 `[batch]` each.
    """
    labels = tf.cast(batch.columns[label], tf.float32)
    missing = tf.math.is_nan(labels)
    return tf.where(missing, 0.0, labels), tf.where(missing, 0.0, weights_of(batch, weight))


def within(batch: Batch, where: Mapping[str, Range]) -> Tensor:
    """Whether each example has all of some columns in their ranges, bool `[batch]`.

    One that is missing (NaN) is in none, as in `Range.holds`.

    Args:
        batch: The batch.
        where: The range of each column.
    """
    holds = tf.ones_like(batch.query.rows, tf.bool)
    for name, ends in where.items():
        numbers = tf.convert_to_tensor(batch.columns[name])  # ends become of its type, as in NumPy
        numbers = numbers if numbers.dtype.is_floating else tf.cast(numbers, tf.float64)
        holds &= ~tf.math.is_nan(numbers)
        if ends.least is not None:
            holds &= numbers >= ends.least
        if ends.most is not None:
            holds &= numbers <= ends.most
    return holds


def weights_of(batch: Batch, weight: str | None) -> Tensor:
    """The weight of each example, float32 `[batch]`: that of a column, or 1 where that is None."""
    if weight is None:
        return tf.ones_like(batch.query.rows, tf.float32)
    return tf.cast(batch.columns[weight], tf.float32)


def reduced(losses: Tensor, weights: Tensor, reduction: str) -> Tensor:
    """Σ w L, or with the reduction `mean` Σ w L / Σ w; 0 with a zero gradient where all w are 0.

    Args:
        losses: float32 `[n]`, finite.
        weights: float32 `[n]`, not negative.
        reduction: `mean` or `sum`.
    """
    total = tf.reduce_sum(losses * weights)
    return total if reduction == "sum" else tf.math.divide_no_nan(total, tf.reduce_sum(weights))


def kept(batch: Batch, mask: Tensor) -> tuple[Batch, Tensor]:
    """Leave rows out of a batch as if they had never been in it.

    Args:
        batch: A batch of at least one row.
        mask: bool `[batch]`, which rows stay.

    Returns:
        The batch of these rows, and the weight of each: 1. Where none stays it is the first row
        with weight 0, since losses need a row.
    """
    first = tf.range(tf.size(mask)) == 0
    stays = mask | (first & ~tf.reduce_any(mask))
    return batch.take(stays), tf.cast(tf.boolean_mask(mask, stays), tf.float32)
