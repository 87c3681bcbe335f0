"""Excess risks (He et al., Robust Multi-Task Learning with Excess Risks, ICML 2024)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
from pydantic import Field

import mtbench

EPSILON = 1e-7


class ExcessMTL(mtbench.GradientWeighting):
    """Weigh each task by how far it still is from its own best, not by its loss.

    The excess risk is estimated as E_i = g_iᵀ H_i^(−½) g_i, H_i the diagonal of the sum of all
    squared gradients so far; w_i ← w_i exp(η E_i / E_i(1)), scaled to sum T. The update is
    Σ_i w_i g_i; heads keep the gradient of their own loss.
    """

    name = "excess-mtl"
    degree = 1
    step_size: float = Field(1e-2, gt=0, allow_inf_nan=False)
    """η."""

    def build(self, tasks: Mapping[str, mtbench.Task], sizes: Sequence[int]) -> ExcessMTLUpdate:
        """Make the update."""
        return ExcessMTLUpdate(len(tasks), sum(sizes), self.step_size)


class ExcessMTLUpdate:
    """The update, with weights and sums of squares."""

    def __init__(self, tasks: int, parameters: int, step_size: float) -> None:
        self.step_size = step_size
        self.squares = tf.Variable(tf.zeros([tasks, parameters]), trainable=False)
        self.initial = tf.Variable(tf.zeros([tasks]), trainable=False)
        """Excess risks of the first step, 0 before it."""
        self.weights = tf.Variable(tf.ones([tasks]), trainable=False)

    def __call__(self, losses: Any, gradients: Any) -> Any:
        """Losses `[tasks]` and gradients `[tasks, parameters]` to the update `[parameters]`."""
        squares = self.squares.assign_add(gradients**2)
        excess = tf.reduce_sum(gradients**2 * tf.math.rsqrt(squares + EPSILON), 1)
        first = tf.reduce_all(self.initial == 0.0)
        initial = self.initial.assign(tf.where(first, excess, self.initial))
        ratio = tf.where(first, 0.0, tf.math.divide_no_nan(excess, initial))
        share = tf.nn.softmax(tf.math.log(self.weights) + self.step_size * ratio)
        weights = self.weights.assign(losses.shape[0] * share)
        return tf.linalg.matvec(gradients, weights, transpose_a=True)


@mtbench.hookimpl
def mtbench_weightings() -> list[type[mtbench.Weighting]]:
    """Offer the strategy."""
    return [ExcessMTL]
