"""Customized gate control (Tang et al., RecSys 2020)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import tensorflow as tf
from pydantic import Field

import mtbench
from mtbench.kit import FeatureTower, join, mixture, mlp, parallel


class CGC(FeatureTower):
    """Each task has experts of its own and shares others; a gate of it weighs both.

    y_k = t_k(g_k(x)) (eq. 4) with g_k(x) = w_k(x) S_k(x) (eq. 1), w_k(x) = softmax(W_k x) (eq. 2),
    and S_k(x) the outputs of task k's experts and of the shared ones (eq. 3).
    """

    name = "cgc"
    num_experts: int = Field(2, ge=1)
    """Experts of each task."""
    num_shared_experts: int = Field(2, ge=0)
    """Experts that all tasks share."""
    units: tuple[Annotated[int, Field(ge=1)], ...] = Field((64,), min_length=1)
    """Units of each expert's layers, ReLU each."""
    task_units: tuple[Annotated[int, Field(ge=1)], ...] = ()
    """Units of each task's hidden layers, ReLU each; a linear layer of `embedding_dim` follows."""

    def build(self, features: mtbench.Features, tasks: Sequence[str]) -> Any:
        """Make a layer from the features to `{task: float32 [n, embedding_dim]}`."""
        inputs = self.inputs(features)
        vector = self.vector(inputs, features)
        shared = []
        if self.num_shared_experts:
            shared = [parallel(vector, self.num_shared_experts, self.units, self.dropout)]
        outputs = {}
        for task in tasks:
            task_experts = parallel(vector, self.num_experts, self.units, self.dropout)
            mixed = mixture(vector, join([task_experts, *shared]))
            outputs[task] = mlp(mixed, self.task_units, self.embedding_dim, self.dropout)
        return tf.keras.Model(inputs, outputs)


@mtbench.hookimpl
def mtbench_towers() -> list[type[mtbench.Tower]]:
    """Offer the tower."""
    return [CGC]
