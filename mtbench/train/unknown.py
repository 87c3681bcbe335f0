"""The id of those that have never been seen: what stands for it, and how it is trained."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from mtbench.data.interactions import Interactions
from mtbench.plugin.batch import Tensor


class UnknownIds:
    """Puts one more id, after all that there are, in the place of some.

    While a model trains it takes the place of a share of those in a batch, drawn anew in each
    step, so that its parameters become those of an average one, and what there is to tell by
    features is told by them (as the dropout of DropoutNet, Volkovs, Yu and Poutanen, NeurIPS 2017).
    In scoring it takes the place of all that have no training row, whose own parameters are what
    they were at first.

    Args:
        column: That of the ids: `query` or `candidate`.
        share: Of the ids that are replaced in training, above 0.
        size: How many ids there are.

    Attributes:
        state: What of it a seed or the training part decides, for the model to keep.
    """

    def __init__(self, column: str, share: float, size: int) -> None:
        self._column, self._share, self._size = column, share, size
        self._trained = tf.Variable(tf.ones([size], tf.bool), trainable=False, name="trained")
        # as `mtbench.kit.Draws`: an operation of tf.random would keep the seed it was traced with
        first = tf.random.uniform([], maxval=2**31 - 1, dtype=tf.int32)
        self._stream = tf.Variable(first, trainable=False, name="stream")
        self._count = tf.Variable(0, trainable=False, name="count")
        self.state = [self._trained, self._stream, self._count]

    def adapt(self, train: Interactions) -> None:
        """Take note of the ids that have a training row."""
        rows = np.bincount(train.columns[self._column], minlength=self._size)
        self._trained.assign(rows > 0)

    def __call__(self, ids: Tensor, training: bool) -> Tensor:
        """The ids that a tower is to see, int32 `[n]`."""
        if training:
            seed = tf.stack([self._stream, self._count.assign_add(1)])
            replaced = tf.random.stateless_uniform(tf.shape(ids), seed) < self._share
        else:
            replaced = ~tf.gather(self._trained, ids)
        return tf.where(replaced, self._size, ids)
