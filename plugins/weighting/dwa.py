"""Dynamic weight average (Liu, Johns and Davison, CVPR 2019)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from pydantic import Field

import mtbench


class DWA(mtbench.LossWeighting):
    """Give more weight to the tasks whose loss falls slowest.

    λ_k = K exp(w_k / T) / Σ_i exp(w_i / T), w_k = L_k(t − 1) / L_k(t − 2), for K tasks, a
    temperature T and the mean losses of the last two epochs (eq. 7); all 1 in the first two.
    """

    name = "dwa"
    degree = 1
    temperature: float = Field(2.0, gt=0, allow_inf_nan=False)
    """A large one evens the weights out."""

    def build(self, tasks: Mapping[str, mtbench.Task]) -> DWALoss:
        """Make the weighted sum."""
        return DWALoss(len(tasks), self.temperature)


class DWALoss:
    """Σ_k λ_k L_k."""

    def __init__(self, tasks: int, temperature: float) -> None:
        self.temperature = temperature
        self.weights = tf.Variable(tf.ones([tasks]), trainable=False)
        self.previous = tf.Variable(tf.zeros([tasks]), trainable=False)
        """Mean losses of the last epoch, 0 before there was one."""

    def __call__(self, losses: Any) -> Any:
        """Losses, float32 `[tasks]`, to a scalar."""
        return tf.reduce_sum(self.weights * losses)

    def epoch_ended(self, losses: Any) -> None:
        """Weigh the next epoch."""
        if tf.reduce_any(self.previous != 0.0):
            share = tf.nn.softmax(losses / self.previous / self.temperature)
            self.weights.assign(share.shape[0] * share)
        self.previous.assign(losses)


@mtbench.hookimpl
def mtbench_weightings() -> list[type[mtbench.Weighting]]:
    """Offer the strategy."""
    return [DWA]
