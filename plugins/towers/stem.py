"""Shared and task-specific embeddings (Su et al., AAAI 2024)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import tensorflow as tf
from pydantic import Field

import mtbench
from mtbench.kit import FeatureTower, mixture, mlp, parallel


class STEM(FeatureTower):
    """Each task has tables of vectors of its own beside shared ones, and reads those of all.

    y_k = t_k(Σ_i g_k(x)_i f_i) over the outputs f_i of task k's experts, which read its own vector
    e_k, of the shared ones, which read the shared vector e_s, and of the other tasks' experts,
    through which no gradient goes back: all forward, task-specific backward. g_k is the softmax of
    a linear gate of e_k + e_s. So a task's table learns from its task alone; one level of experts.
    """

    name = "stem"
    num_experts: int = Field(1, ge=1)
    """Experts of each task."""
    num_shared_experts: int = Field(1, ge=1)
    """Experts that all tasks share."""
    units: tuple[Annotated[int, Field(ge=1)], ...] = Field((64,), min_length=1)
    """Units of each expert's layers, ReLU each."""
    task_units: tuple[Annotated[int, Field(ge=1)], ...] = ()
    """Units of each task's hidden layers, ReLU each; a linear layer of `embedding_dim` follows."""

    def build(self, features: mtbench.Features, tasks: Sequence[str]) -> Any:
        """Make a layer from the features to `{task: float32 [n, embedding_dim]}`."""
        inputs = self.inputs(features)
        shared = self.vector(inputs, features)
        in_common = parallel(shared, self.num_shared_experts, self.units, self.dropout)
        vectors = {task: self.vector(inputs, features) for task in tasks}
        experts = {
            task: parallel(vector, self.num_experts, self.units, self.dropout)
            for task, vector in vectors.items()
        }
        outputs = {}
        for task, vector in vectors.items():
            read = [
                found if of == task else tf.stop_gradient(found) for of, found in experts.items()
            ]
            mixed = mixture(vector + shared, tf.concat([*read, in_common], 1))
            outputs[task] = mlp(mixed, self.task_units, self.embedding_dim, self.dropout)
        return tf.keras.Model(inputs, outputs)


@mtbench.hookimpl
def mtbench_towers() -> list[type[mtbench.Tower]]:
    """Offer the tower."""
    return [STEM]
