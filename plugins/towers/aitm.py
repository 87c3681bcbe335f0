"""Adaptive information transfer along a sequence of tasks (Xi et al., KDD 2021)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any

import tensorflow as tf
from pydantic import Field

import mtbench
from mtbench.kit import FeatureTower, dense, mlp


class AITM(FeatureTower):
    """Each task has a network, and is handed what the task before it has found.

    The tasks are a sequence, in the suite's order, such as click, then conversion: z_1 = q_1(x) and
    z_t = Σ_u w_u V u over u in {g_t(z_{t−1}), q_t(x)} with w = softmax(⟨K u, Q u⟩ / √k), k the
    length of u. q_t are networks, g_t a layer with ReLU, and K, Q and V linear maps of
    task t. The vector of the features is shared; y_t is a linear map of z_t. The paper's loss term
    that keeps a later step's probability below the former's is a loss of tasks, and not in here.
    """

    name = "aitm"
    units: tuple[Annotated[int, Field(ge=1)], ...] = Field((64,), min_length=1)
    """Units of each task's layers q_t, ReLU each; the last number is k."""

    def build(self, features: mtbench.Features, tasks: Sequence[str]) -> Any:
        """Make a layer from the features to `{task: float32 [n, embedding_dim]}`."""
        inputs = self.inputs(features)
        vector = self.vector(inputs, features)
        outputs: dict[str, Any] = {}
        before = None
        for task in tasks:
            reached = dense(vector, self.units, self.dropout)
            if before is not None:
                handed = dense(before, self.units[-1:], self.dropout)
                reached = self.transfer(handed, reached)
            outputs[task] = mlp(reached, (), self.embedding_dim)
            before = reached
        return tf.keras.Model(inputs, outputs)

    def transfer(self, handed: Any, own: Any) -> Any:
        """Weigh what is handed over and a task's own, float32 `[n, k]` each, by attention."""
        size = own.shape[-1]
        key, query, value = (tf.keras.layers.Dense(size, use_bias=False) for _ in range(3))
        logits = [tf.reduce_sum(key(u) * query(u), 1, keepdims=True) for u in (handed, own)]
        weights = tf.nn.softmax(tf.concat(logits, 1) / math.sqrt(size))
        return weights[:, :1] * value(handed) + weights[:, 1:] * value(own)


@mtbench.hookimpl
def mtbench_towers() -> list[type[mtbench.Tower]]:
    """Offer the tower."""
    return [AITM]
