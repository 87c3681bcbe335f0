"""Progressive layered extraction (Tang et al., RecSys 2020)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import tensorflow as tf
from pydantic import Field

import mtbench
from mtbench.kit import FeatureTower, join, mixture, mlp, parallel


class PLE(FeatureTower):
    """Levels of experts, of each task and shared, one above the other.

    g_{k,j}(x) = w_{k,j}(g_{k,j−1}(x)) S_{k,j}(x) (eq. 5) and y_k = t_k(g_{k,N}(x)) (eq. 6), with
    g_{k,0}(x) = x and w_{k,j} the softmax of a linear gate. S_{k,j}(x) are the outputs of task k's
    experts of level j, which read g_{k,j−1}(x), and of the shared ones, which read g_{s,j−1}(x);
    below the last level there is a gate g_{s,j} that weighs the experts of all. One level is `cgc`.
    """

    name = "ple"
    num_levels: int = Field(2, ge=1)
    """Levels of experts, N."""
    num_experts: int = Field(2, ge=1)
    """Experts of each task in each level."""
    num_shared_experts: int = Field(2, ge=1)
    """Experts in each level that all tasks share."""
    units: tuple[Annotated[int, Field(ge=1)], ...] = Field((64,), min_length=1)
    """Units of each expert's layers, ReLU each."""
    task_units: tuple[Annotated[int, Field(ge=1)], ...] = ()
    """Units of each task's hidden layers, ReLU each; a linear layer of `embedding_dim` follows."""

    def build(self, features: mtbench.Features, tasks: Sequence[str]) -> Any:
        """Make a layer from the features to `{task: float32 [n, embedding_dim]}`."""
        inputs = self.inputs(features)
        vector = self.vector(inputs, features)
        reached, shared = dict.fromkeys(tasks, vector), vector
        for level in range(self.num_levels):
            reached, shared = self.extract(reached, shared, last=level == self.num_levels - 1)
        outputs = {
            task: mlp(hidden, self.task_units, self.embedding_dim, self.dropout)
            for task, hidden in reached.items()
        }
        return tf.keras.Model(inputs, outputs)

    def extract(
        self, reached: dict[str, Any], shared: Any, last: bool
    ) -> tuple[dict[str, Any], Any]:
        """Make a level: from g_{k,j−1}(x) of each task and g_{s,j−1}(x) to those of j."""
        in_common = parallel(shared, self.num_shared_experts, self.units, self.dropout)
        experts = {
            task: parallel(hidden, self.num_experts, self.units, self.dropout)
            for task, hidden in reached.items()
        }
        mixed = {task: mixture(reached[task], join([experts[task], in_common])) for task in experts}
        return mixed, shared if last else mixture(shared, join([*experts.values(), in_common]))


@mtbench.hookimpl
def mtbench_towers() -> list[type[mtbench.Tower]]:
    """Offer the tower."""
    return [PLE]
