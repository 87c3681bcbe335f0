"""Multi-task attention network (Liu et al., CVPR 2019), of dense layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import tensorflow as tf
from pydantic import Field

import mtbench
from mtbench.kit import FeatureTower, dense, mlp


class MTAN(FeatureTower):
    """The tasks share a network, of whose activations each takes what its mask lets through.

    The network has blocks of two layers, with activations u_j and p_j. Task k takes
    â_{k,j} = a_{k,j} ⊙ p_j (eq. 1) with the mask a_{k,j} = h_{k,j}(g_{k,j}([u_j; f_j(â_{k,j−1})]))
    (eq. 2), of u_1 alone in the first block. f_j is shared by the tasks; f and g are layers with
    ReLU, h one with a sigmoid, where the paper has convolutions with batch normalisation. y_k is
    t_k of the last block's â.
    """

    name = "mtan"
    units: tuple[Annotated[int, Field(ge=1)], ...] = Field((64,), min_length=1)
    """Units of each block: of its two shared layers, and of the tasks' g, h and f."""
    task_units: tuple[Annotated[int, Field(ge=1)], ...] = ()
    """Units of each task's hidden layers, ReLU each; a linear layer of `embedding_dim` follows."""

    def build(self, features: mtbench.Features, tasks: Sequence[str]) -> Any:
        """Make a layer from the features to `{task: float32 [n, embedding_dim]}`."""
        inputs = self.inputs(features)
        last = self.vector(inputs, features)
        taken: dict[str, Any] = {}
        for units in self.units:
            first = dense(last, [units], self.dropout)
            last = dense(first, [units], self.dropout)
            taken = {
                task: self.mask(read, units) * last
                for task, read in self.read(first, taken, tasks).items()
            }
        outputs = {
            task: mlp(hidden, self.task_units, self.embedding_dim, self.dropout)
            for task, hidden in taken.items()
        }
        return tf.keras.Model(inputs, outputs)

    def read(self, first: Any, taken: dict[str, Any], tasks: Sequence[str]) -> dict[str, Any]:
        """What each task's mask reads: u_j, and f_j of what it took from the block before."""
        if not taken:
            return dict.fromkeys(tasks, first)
        shared = tf.keras.layers.Dense(first.shape[-1], activation="relu")
        return {task: tf.concat([first, shared(before)], 1) for task, before in taken.items()}

    def mask(self, read: Any, units: int) -> Any:
        """A task's mask, float32 `[n, units]` between 0 and 1."""
        hidden = dense(read, [units])
        return tf.keras.layers.Dense(units, activation="sigmoid")(hidden)


@mtbench.hookimpl
def mtbench_towers() -> list[type[mtbench.Tower]]:
    """Offer the tower."""
    return [MTAN]
