"""Any mix of a side's features, followed by dense layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import tensorflow as tf
from pydantic import Field

import mtbench
from mtbench.kit import FeatureTower, mlp


class FeatureMLP(FeatureTower):
    """The vectors of an id and of its features, one after the other, put through dense layers."""

    name = "feature"
    units: tuple[Annotated[int, Field(ge=1)], ...] = (64,)
    """Units of the hidden layers, ReLU each; a linear layer of `embedding_dim` follows."""

    def build(self, features: mtbench.Features, tasks: Sequence[str]) -> Any:
        """Make a layer from the features to float32 `[n, embedding_dim]`."""
        inputs = self.inputs(features)
        vector = self.vector(inputs, features)
        return tf.keras.Model(inputs, mlp(vector, self.units, self.embedding_dim, self.dropout))


@mtbench.hookimpl
def mtbench_towers() -> list[type[mtbench.Tower]]:
    """Offer the tower."""
    return [FeatureMLP]
