"""Smooth Tchebycheff scalarization (Lin et al., ICML 2024)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from pydantic import Field

import mtbench


class STCH(mtbench.LossWeighting):
    """T μ log Σ_i exp(f_i / μ): a smooth maximum, so that the worst task gets most of the weight.

    As in the authors' code for multi-task learning f_i = log(L_i / n_i), the ideal point is 0 and
    the preferences are equal; n_i is the mean loss of the last epoch of a warm-up that minimises
    Σ_i log L_i. Weights of a small μ are those of the worst task alone, of a large one even.
    """

    name = "stch"
    degree = 0
    mu: float = Field(1.0, gt=0, allow_inf_nan=False)
    """μ, how smooth the maximum is."""
    warmup_epochs: int = Field(4, ge=0)
    """Epochs of the warm-up; without one every n_i is 1."""

    def build(self, tasks: Mapping[str, mtbench.Task]) -> STCHLoss:
        """Make the smooth maximum."""
        return STCHLoss(len(tasks), self)


class STCHLoss:
    """Σ_i log L_i in the warm-up, then T μ log Σ_i exp(log(L_i / n_i) / μ)."""

    def __init__(self, tasks: int, options: STCH) -> None:
        self.mu, self.warmup_epochs = options.mu, options.warmup_epochs
        self.epoch = tf.Variable(0, trainable=False)
        self.nadir = tf.Variable(tf.ones([tasks]), trainable=False)

    def __call__(self, losses: Any) -> Any:
        """Losses, float32 `[tasks]`, to a scalar."""
        logs = tf.math.log(losses / self.nadir)
        smooth = losses.shape[0] * self.mu * tf.reduce_logsumexp(logs / self.mu)
        return tf.where(self.epoch < self.warmup_epochs, tf.reduce_sum(logs), smooth)

    def epoch_ended(self, losses: Any) -> None:
        """Count the epochs, and keep the losses of the warm-up's last one."""
        self.epoch.assign_add(1)
        if self.epoch == self.warmup_epochs:
            self.nadir.assign(losses)


@mtbench.hookimpl
def mtbench_weightings() -> list[type[mtbench.Weighting]]:
    """Offer the strategy."""
    return [STCH]
