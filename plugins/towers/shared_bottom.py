"""One network for all tasks, and a small one for each (Caruana, Machine Learning 28, 1997)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import tensorflow as tf
from pydantic import Field

import mtbench
from mtbench.kit import FeatureTower, dense, mlp


class SharedBottom(FeatureTower):
    """The tasks share a network f, and each has one of its own, t_k: y_k = t_k(f(x))."""

    name = "shared-bottom"
    units: tuple[Annotated[int, Field(ge=1)], ...] = (64,)
    """Units of the shared layers, ReLU each."""
    task_units: tuple[Annotated[int, Field(ge=1)], ...] = ()
    """Units of each task's hidden layers, ReLU each; a linear layer of `embedding_dim` follows."""

    def build(self, features: mtbench.Features, tasks: Sequence[str]) -> Any:
        """Make a layer from the features to `{task: float32 [n, embedding_dim]}`."""
        inputs = self.inputs(features)
        shared = dense(self.vector(inputs, features), self.units, self.dropout)
        outputs = {
            task: mlp(shared, self.task_units, self.embedding_dim, self.dropout) for task in tasks
        }
        return tf.keras.Model(inputs, outputs)


@mtbench.hookimpl
def mtbench_towers() -> list[type[mtbench.Tower]]:
    """Offer the tower."""
    return [SharedBottom]
