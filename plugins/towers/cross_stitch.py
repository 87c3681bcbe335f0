"""Cross-stitch networks (Misra et al., CVPR 2016)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
import tensorflow as tf
from pydantic import Field

import mtbench
from mtbench.kit import FeatureTower, parallel


class CrossStitch(FeatureTower):
    """A network for each task; after each layer the tasks' activations are mixed linearly.

    x̃_k = Σ_l α_kl x_l (eq. 1), with one learned matrix α for each layer. What the networks read,
    the vector of the features, is shared.
    """

    name = "cross-stitch"
    units: tuple[Annotated[int, Field(ge=1)], ...] = Field((64,), min_length=1)
    """Units of each task's hidden layers, ReLU and a cross-stitch unit each; a linear layer of
    `embedding_dim` follows."""
    own_share: float = Field(0.9, ge=0, le=1)
    """α_kk to begin with; what is left to 1 is divided among the other tasks."""

    def build(self, features: mtbench.Features, tasks: Sequence[str]) -> Any:
        """Make a layer from the features to `{task: float32 [n, embedding_dim]}`."""
        inputs = self.inputs(features)
        hidden = self.vector(inputs, features)
        for units in self.units:
            hidden = parallel(hidden, len(tasks), [units], self.dropout)
            hidden = self.stitch(hidden, len(tasks))
        last = tf.unstack(hidden, axis=1)
        outputs = [tf.keras.layers.Dense(self.embedding_dim)(x) for x in last]
        return tf.keras.Model(inputs, dict(zip(tasks, outputs, strict=True)))

    def stitch(self, hidden: Any, count: int) -> Any:
        """Mix the activations of the tasks: float32 `[n, tasks, units]`."""
        rest = (1 - self.own_share) / max(count - 1, 1)  # for each of the other tasks
        start = np.full([count, count], rest) + (self.own_share - rest) * np.eye(count)
        if count == 1:
            start = np.ones([1, 1])
        unit = tf.keras.layers.EinsumDense(
            "nlo,kl->nko",
            output_shape=(count, hidden.shape[-1]),
            kernel_initializer=tf.keras.initializers.Constant(start),
        )
        return unit(hidden)


@mtbench.hookimpl
def mtbench_towers() -> list[type[mtbench.Tower]]:
    """Offer the tower."""
    return [CrossStitch]
