"""A row of a table for each id: the tower of matrix factorisation and of the TFRS tutorials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mtbench
import tensorflow as tf
from pydantic import Field


class Embedding(mtbench.Tower):
    """A learned vector for each id."""

    name = "embedding"
    embedding_dim: int = Field(32, ge=1)
    """Length of the vector."""

    def build(self, features: mtbench.Features, tasks: Sequence[str]) -> Any:
        """Make a layer from `{key: int32 [n]}` to float32 `[n, embedding_dim]`."""
        ids = tf.keras.Input([], dtype=tf.int32, name=features.key)
        table = tf.keras.layers.Embedding(features.num_values[features.key], self.embedding_dim)
        return tf.keras.Model({features.key: ids}, table(ids))


@mtbench.hookimpl
def mtbench_towers() -> list[type[mtbench.Tower]]:
    """Offer the tower."""
    return [Embedding]
