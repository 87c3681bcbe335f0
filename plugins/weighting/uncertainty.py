"""Homoscedastic uncertainty (Kendall, Gal and Cipolla, CVPR 2018; Liebel and Körner, 2018)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import tensorflow as tf
from pydantic import Field

import mtbench


class Uncertainty(mtbench.LossWeighting):
    """Weigh each task by a noise σ_i that is learned with the model.

    A regression task's loss is taken for a Gaussian's, L / 2σ² + log σ (eq. 5 and 7), a
    classification task's for a softmax's of temperature σ², L / σ² + log σ (eq. 9 and 10). What is
    learned is s = log σ², as in section 3.2, so that log σ = s / 2. Losses are to be means: summed
    over a batch of B examples the noise would have to grow by B before it says anything.

    log σ falls below 0 where σ < 1, and the sum of the losses with it. Liebel and Körner (arXiv
    1805.06334) replace it by log(1 + σ²), which does not, and take L / 2σ² for every task.
    """

    name = "uncertainty"
    symmetric = False  # the kind of task matters
    initial_log_variance: float = Field(0.0, allow_inf_nan=False)
    """Value of every s before training; 0 is σ = 1."""
    regularizer: Literal["log", "positive"] = "log"
    """What keeps the noise from growing: `log`: log σ; `positive`: log(1 + σ²)."""
    learning_rate: float | None = Field(None, gt=0, allow_inf_nan=False)
    """Learning rate of s; default: that of the model."""

    def build(self, tasks: Mapping[str, mtbench.Task]) -> UncertaintyLoss:
        """Make the sum of the tasks' negative log-likelihoods."""
        if self.regularizer == "positive":
            return PositiveUncertaintyLoss([0.5] * len(tasks), self.initial_log_variance)
        factors = [0.5 if task.likelihood == "regression" else 1.0 for task in tasks.values()]
        return UncertaintyLoss(factors, self.initial_log_variance)


class UncertaintyLoss:
    """Σ_i f_i exp(−s_i) L_i + s_i / 2, with f_i = ½ for regression and 1 for classification."""

    def __init__(self, factors: list[float], initial: float) -> None:
        self.factors = factors
        self.log_variance = tf.Variable(tf.fill([len(factors)], initial), name="log_variance")

    def __call__(self, losses: Any) -> Any:
        """Losses, float32 `[tasks]`, to a scalar."""
        precision = self.factors * tf.exp(-self.log_variance)
        return tf.reduce_sum(precision * losses + self.regularizer())

    def regularizer(self) -> Any:
        """Log σ_i, float32 `[tasks]`."""
        return 0.5 * self.log_variance


class PositiveUncertaintyLoss(UncertaintyLoss):
    """Σ_i ½ exp(−s_i) L_i + log(1 + exp(s_i))."""

    def regularizer(self) -> Any:
        """log(1 + σ_i²), float32 `[tasks]`."""
        return tf.nn.softplus(self.log_variance)


@mtbench.hookimpl
def mtbench_weightings() -> list[type[mtbench.Weighting]]:
    """Offer the strategy."""
    return [Uncertainty]
