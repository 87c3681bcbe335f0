"""Gradient normalization (Chen et al., ICML 2018)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from pydantic import Field

import mtbench


class GradNorm(mtbench.GramianWeighting):
    """Learn weights that give all tasks gradients of like size and let them train at like rates.

    With n_i = w_i ‖g_i‖ (the paper's G_W^(i)) and r_i the relative inverse training rate,
    L_i(t) / L_i(0) by the mean of these over the tasks, w minimises
    Σ_i |n_i − mean(n) r_i^α|, the second term held constant (eq. 1 and 2); then it is scaled to sum
    T. The norms are those of the gradients by all shared parameters; the paper takes the last
    shared layer, to save time.
    """

    name = "gradnorm"
    weighs_heads = True
    degree = 1
    alpha: float = Field(1.5, ge=0, allow_inf_nan=False)
    """α, how strongly training rates are pulled together."""
    learning_rate: float | None = Field(0.025, gt=0, allow_inf_nan=False)
    """Learning rate of w; null: that of the model."""

    def build(self, tasks: Mapping[str, mtbench.Task]) -> GradNormWeights:
        """Make the weights."""
        return GradNormWeights(len(tasks), self.alpha)


class GradNormWeights:
    """The weights w and what they minimise."""

    def __init__(self, tasks: int, alpha: float) -> None:
        self.alpha = alpha
        self.weights = tf.Variable(tf.ones([tasks]), name="weights")
        self.initial = tf.Variable(tf.zeros([tasks], tf.float64), trainable=False)
        """Losses of the first step, 0 before it."""

    def __call__(self, losses: Any, gramian: Any) -> Any:
        """Losses `[tasks]` and Gramian `[tasks, tasks]` to weights and their objective."""
        self.initial.assign(tf.where(self.initial > 0.0, self.initial, losses))
        positive = tf.maximum(self.weights, 1e-6)  # a step can be larger than a weight
        self.weights.assign(losses.shape[0] * positive / tf.reduce_sum(positive))
        weights = tf.cast(self.weights, tf.float64)
        norms = weights * tf.sqrt(tf.linalg.diag_part(gramian))
        rate = losses / self.initial
        target = tf.reduce_mean(norms) * (rate / tf.reduce_mean(rate)) ** self.alpha
        return weights, tf.reduce_sum(tf.abs(norms - tf.stop_gradient(target)))


@mtbench.hookimpl
def mtbench_weightings() -> list[type[mtbench.Weighting]]:
    """Offer the strategy."""
    return [GradNorm]
