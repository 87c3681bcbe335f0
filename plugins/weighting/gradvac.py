"""Gradient vaccine (Wang et al., ICLR 2021)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from pydantic import Field

import mtbench
from mtbench.kit import solvers


class GradVac(mtbench.GramianWeighting):
    """Turn gradients towards each other until their cosine is what it usually is.

    For each task i, over the others j in random order: where φ = cos(g_i', g_j) is below its moving
    average φ̂_ij, g_i' ← g_i' + ‖g_i'‖ (φ̂ √(1−φ²) − φ √(1−φ̂²)) / (‖g_j‖ √(1−φ̂²)) g_j, which
    makes the cosine φ̂; then φ̂_ij ← (1−β) φ̂_ij + β φ (algorithm 1). All shared parameters are one
    group.
    """

    name = "gradvac"
    degree = 1
    beta: float = Field(1e-2, gt=0, le=1)
    """β, how fast the average follows."""

    def build(self, tasks: Mapping[str, mtbench.Task]) -> GradVacWeights:
        """Make the weights."""
        return GradVacWeights(len(tasks), self.beta)


class GradVacWeights:
    """Weights, with the averages φ̂."""

    def __init__(self, tasks: int, beta: float) -> None:
        self.beta = beta
        self.usual = tf.Variable(tf.zeros([tasks, tasks], tf.float64), trainable=False)

    def __call__(self, losses: Any, gramian: Any) -> Any:
        """Losses `[tasks]` and Gramian `[tasks, tasks]` to weights."""
        return self.turn(gramian, solvers.random_orders(losses.shape[0]))

    def turn(self, gramian: Any, orders: Any) -> Any:
        """Weights from a Gramian and each task's others in order `[tasks, others]`."""
        count = gramian.shape[0]
        norms = tf.sqrt(tf.linalg.diag_part(gramian))
        rows = tf.eye(count, dtype=tf.float64)  # row i: g_i' in terms of the gradients
        usual = tf.convert_to_tensor(self.usual)
        for other in tf.unstack(orders, axis=1):
            row_norms = tf.sqrt(tf.maximum(tf.einsum("ij,jk,ik->i", rows, gramian, rows), 0.0))
            length = tf.gather(norms, other)
            inner = tf.reduce_sum(rows * tf.gather(gramian, other), 1)
            cosine = tf.clip_by_value(tf.math.divide_no_nan(inner, row_norms * length), -1.0, 1.0)
            wanted = tf.gather(usual, other, batch_dims=1)
            sine = tf.sqrt(1.0 - wanted**2)
            turn = row_norms * (wanted * tf.sqrt(1.0 - cosine**2) - cosine * sine)
            part = tf.where(cosine < wanted, tf.math.divide_no_nan(turn, length * sine), 0.0)
            at_other = tf.one_hot(other, count, dtype=tf.float64)
            rows += part[:, None] * at_other
            usual += (self.beta * (cosine - wanted))[:, None] * at_other
        self.usual.assign(usual)
        return tf.reduce_sum(rows, 0)


@mtbench.hookimpl
def mtbench_weightings() -> list[type[mtbench.Weighting]]:
    """Offer the strategy."""
    return [GradVac]
