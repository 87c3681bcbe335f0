"""Random numbers inside a training step that a traced graph can go on using with other seeds."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

Tensor = Any


class Draws:
    """A stream of random numbers whose state is kept in variables.

    An operation such as `tf.random.uniform` keeps the seed it was traced with, so that a graph that
    has one serves one run. These numbers are a function of the run's seed, which decides `stream`
    as it does initial weights, and of how often some were drawn.

    Attributes:
        stream: int32 `[]`, which stream of numbers.
        count: int32 `[]`, how often numbers were drawn.
    """

    def __init__(self) -> None:
        first = tf.random.uniform([], maxval=2**31 - 1, dtype=tf.int32)
        self.stream = tf.Variable(first, trainable=False, name="stream")
        self.count = tf.Variable(0, trainable=False, name="count")

    def uniform(self, shape: Tensor, training: bool = True) -> Tensor:
        """Draw from 0 ≤ x < 1, float32; outside of training the last numbers again."""
        count = self.count.assign_add(1) if training else self.count
        return tf.random.stateless_uniform(shape, tf.stack([self.stream, count]))
