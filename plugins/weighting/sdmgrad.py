"""Direction-oriented multi-objective learning (Xiao, Ban and Ji, NeurIPS 2023)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf
from pydantic import Field

import mtbench
from mtbench.kit import solvers


class SDMGrad(mtbench.BatchesWeighting):
    """Between MGDA and the mean gradient g_0: (Σ_i w_i g_i + λ g_0) / (1 + λ).

    w goes down ½ ‖Σ_i w_i g_i + λ g_0‖² by projected descent with momentum, some steps in each
    training step, from where it was. Its slope, G_1ᵀ G_2 w + λ G_1ᵀ g_0 of two independent batches,
    is unbiased; the update is of a third (algorithm 1). As in the authors' code the inner products
    are divided by the square of the mean of √(g_i · g_i), g_i of one batch and of the other, where
    that is above 0.
    """

    name = "sdmgrad"
    degree = 1
    lambda_: float = Field(0.3, ge=0, allow_inf_nan=False)
    """λ: 0 is MGDA, much is the mean."""
    iterations: int = Field(20, ge=1)
    """Steps of w in a training step."""
    weight_learning_rate: float = Field(5.0, gt=0, allow_inf_nan=False)
    """Size of these steps."""
    momentum: float = Field(0.5, ge=0, lt=1)
    """Their momentum, from nothing in each training step."""
    independent: bool = True
    """Whether w follows two batches of its own; false: the batch of the update, which costs a third
    of the time and is biased by that batch's noise."""

    @property
    def batches(self) -> int:
        """One for the update, two for the weights."""
        return 3 if self.independent else 1

    def build(self, tasks: Mapping[str, mtbench.Task]) -> SDMGradWeights:
        """Make the weights."""
        return SDMGradWeights(len(tasks), self)


class SDMGradWeights:
    """The weights w."""

    def __init__(self, tasks: int, options: SDMGrad) -> None:
        self.options, self.tasks = options, tasks
        start = tf.fill([tasks], tf.constant(1.0 / tasks, tf.float64))
        self.weights = tf.Variable(start, trainable=False)

    def __call__(self, losses: Any, products: Callable[[int, int], Any]) -> Any:
        """Losses `[batches, tasks]` and inner products to weights `[tasks]`."""
        options = self.options
        inner = products(1, 2) if options.independent else products(0, 0)
        mean = tf.reduce_mean(tf.sqrt(tf.maximum(tf.linalg.diag_part(inner), 0.0)))
        scaled = tf.math.divide_no_nan(inner, mean**2)
        towards = options.lambda_ * tf.reduce_mean(scaled, 1)

        def descend(weights: Any, velocity: Any) -> tuple[Any, Any]:
            velocity = options.momentum * velocity + tf.linalg.matvec(scaled, weights) + towards
            step = options.weight_learning_rate * velocity
            return solvers.simplex_projection(weights - step), velocity

        start = (tf.convert_to_tensor(self.weights), tf.zeros_like(losses[0]))
        weights, _ = tf.while_loop(
            lambda *_: True, descend, start, maximum_iterations=options.iterations
        )
        self.weights.assign(weights)
        return (weights + options.lambda_ / self.tasks) / (1.0 + options.lambda_)


@mtbench.hookimpl
def mtbench_weightings() -> list[type[mtbench.Weighting]]:
    """Offer the strategy."""
    return [SDMGrad]
