"""A row of a table for each id: the tower of matrix factorisation and of the TFRS tutorials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
from pydantic import Field

import mtbench


class Embedding(mtbench.Tower):
    """A learned vector for each id."""

    name = "embedding"
    embedding_dim: int = Field(32, ge=1)
    """Length of the vector."""
    unknown_share: float = Field(0.0, ge=0, lt=1)
    """Share of the ids of a step that are replaced by an unknown one, whose vector those without a
    training row have in scoring; 0 for none: theirs is what it was at first."""

    def build(self, features: mtbench.Features, tasks: Sequence[str]) -> EmbeddingTower:
        """Make the table."""
        return EmbeddingTower(features.key, features.num_values[features.key], self.embedding_dim)


class EmbeddingTower:
    """`{key: int32 [n]}` to float32 `[n, embedding_dim]`."""

    def __init__(self, key: str, num_values: int, embedding_dim: int) -> None:
        self.key = key
        self.table = tf.keras.layers.Embedding(num_values, embedding_dim)

    def __call__(self, features: Mapping[str, Any], training: bool = False) -> Any:
        """Look the ids up."""
        return self.table(features[self.key])


@mtbench.hookimpl
def mtbench_towers() -> list[type[mtbench.Tower]]:
    """Offer the tower."""
    return [Embedding]
