"""The candidates of each query's training interactions, for towers that read them in the graph."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from mtbench.data.history import in_time, lengths
from mtbench.data.interactions import Interactions
from mtbench.errors import MtbenchError
from mtbench.plugin.tower import Features


class Histories:
    """Histories in variables, so that one graph serves training parts of any length.

    Args:
        tower: Name of the tower that reads them.
        features: The features of its side.

    Attributes:
        starts: int32 `[num_queries + 1]`, where a query's candidates begin in `items`.
        items: int32 `[interactions]`, the candidates of the training part by query and time.
        state: Both, for the tower to keep as an attribute of its own.

    Raises:
        MtbenchError: The number of candidates is not known.
    """

    def __init__(self, tower: str, features: Features) -> None:
        if not features.num_other:
            raise MtbenchError(
                f"tower {tower!r}: expected the number of candidates in `Features.num_other`, "
                "found 0"
            )
        starts = tf.zeros([features.num_values[features.key] + 1], tf.int32)
        self.starts = tf.Variable(starts, trainable=False)
        any_length = tf.TensorShape([None])
        self.items = tf.Variable(tf.zeros([1], tf.int32), trainable=False, shape=any_length)
        self.state = [self.starts, self.items]

    def adapt(self, train: Interactions) -> None:
        """Take the histories from the training part."""
        ends = np.cumsum(lengths(train))
        self.starts.assign(np.concatenate([[0], ends]).astype(np.int32))
        self.items.assign(train.candidate[in_time(train)].astype(np.int32))
