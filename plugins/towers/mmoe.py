"""Multi-gate mixture of experts (Ma et al., KDD 2018)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import tensorflow as tf
from pydantic import Field

import mtbench
from mtbench.kit import FeatureTower, mixture, mlp, parallel


class MMoE(FeatureTower):
    """The tasks share networks, the experts; a gate of each task says how much it uses of each.

    y_k = t_k(f_k(x)) (eq. 6) with f_k(x) = Σ_i g_k(x)_i f_i(x) (eq. 7) and g_k(x) = softmax(W_k x)
    (eq. 8).
    """

    name = "mmoe"
    num_experts: int = Field(4, ge=1)
    """Experts."""
    units: tuple[Annotated[int, Field(ge=1)], ...] = Field((64,), min_length=1)
    """Units of each expert's layers, ReLU each."""
    task_units: tuple[Annotated[int, Field(ge=1)], ...] = ()
    """Units of each task's hidden layers, ReLU each; a linear layer of `embedding_dim` follows."""

    def build(self, features: mtbench.Features, tasks: Sequence[str]) -> Any:
        """Make a layer from the features to `{task: float32 [n, embedding_dim]}`."""
        inputs = self.inputs(features)
        vector = self.vector(inputs, features)
        experts = parallel(vector, self.num_experts, self.units, self.dropout)
        outputs = {}
        for task in tasks:
            mixed = mixture(vector, experts)
            outputs[task] = mlp(mixed, self.task_units, self.embedding_dim, self.dropout)
        return tf.keras.Model(inputs, outputs)


@mtbench.hookimpl
def mtbench_towers() -> list[type[mtbench.Tower]]:
    """Offer the tower."""
    return [MMoE]
