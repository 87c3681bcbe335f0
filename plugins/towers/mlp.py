"""An embedding followed by dense layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import tensorflow as tf
from pydantic import Field

import mtbench


class MLP(mtbench.Tower):
    """A learned vector for each id, put through dense layers."""

    name = "mlp"
    embedding_dim: int = Field(32, ge=1)
    """Length of the output."""
    id_dim: int = Field(32, ge=1)
    """Length of the vector of an id."""
    units: tuple[Annotated[int, Field(ge=1)], ...] = (64,)
    """Units of the hidden layers, ReLU each; a linear layer of `embedding_dim` follows."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Share of hidden units dropped in training, drawn anew for each example."""
    unknown_share: float = Field(0.0, ge=0, lt=1)
    """Share of the ids of a step that are replaced by an unknown one, whose vector those without a
    training row have in scoring; 0 for none: theirs is what it was at first."""

    @property
    def by_id(self) -> bool:
        """With dropout two examples of one id differ."""
        return self.dropout == 0

    def build(self, features: mtbench.Features, tasks: Sequence[str]) -> Any:
        """Make a layer from `{key: int32 [n]}` to float32 `[n, embedding_dim]`."""
        ids = tf.keras.Input([], dtype=tf.int32, name=features.key)
        hidden = tf.keras.layers.Embedding(features.num_values[features.key], self.id_dim)(ids)
        for units in self.units:
            hidden = tf.keras.layers.Dense(units, activation="relu")(hidden)
            if self.dropout:
                hidden = tf.keras.layers.Dropout(self.dropout)(hidden)
        return tf.keras.Model(
            {features.key: ids}, tf.keras.layers.Dense(self.embedding_dim)(hidden)
        )


@mtbench.hookimpl
def mtbench_towers() -> list[type[mtbench.Tower]]:
    """Offer the tower."""
    return [MLP]
