"""Multi-objective meta-learning of the weights (Ye et al., MOML, NeurIPS 2021)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf
from pydantic import Field

import mtbench
from mtbench.kit import solvers


class MOML(mtbench.BatchesWeighting):
    """Learn weights by what a step with them would do to every task on another batch, by MGDA.

    The step minimises Σ_i w_i L_i with w = softmax(α). With θ' = θ − η Σ_i w_i ∇L_i(θ) on the
    step's batch, each task of a second batch has a gradient by α, h_j = −η J (∇L_j(θ') · ∇L_i(θ))_i
    with J = diag(w) − w wᵀ; α goes along the shortest vector of the convex hull of h_j / ‖h_j‖
    (there algorithm 1, with one inner step). The chain rule of one step needs no second derivative.
    """

    name = "moml"
    weighs_heads = True
    degree = 1
    most_tasks = solvers.MOST_TASKS
    inner_learning_rate: float = Field(0.1, gt=0, allow_inf_nan=False)
    """η, size of the step ahead."""
    learning_rate: float | None = Field(1e-3, gt=0, allow_inf_nan=False)
    """Learning rate of α; null: that of the model."""

    @property
    def ahead(self) -> mtbench.Ahead:
        """θ'."""
        return mtbench.Ahead("gradients")

    def build(self, tasks: Mapping[str, mtbench.Task]) -> MOMLWeights:
        """Make the weights."""
        return MOMLWeights(len(tasks), self.inner_learning_rate)


class MOMLWeights:
    """The logits α."""

    def __init__(self, tasks: int, rate: float) -> None:
        self.rate = rate
        self.logits = tf.Variable(tf.zeros([tasks]), name="logits")

    def step_ahead(self) -> Any:
        """η w."""
        return self.rate * tf.nn.softmax(self.logits)

    def __call__(self, losses: Any, products: Callable[[int, int], Any]) -> Any:
        """Losses `[2, tasks]` and inner products to weights `[tasks]` and their objective."""
        logits = tf.cast(self.logits, tf.float64)
        weights = tf.stop_gradient(tf.nn.softmax(logits))
        jacobian = tf.linalg.diag(weights) - weights[:, None] * weights
        slopes = tf.math.l2_normalize(-self.rate * tf.matmul(products(1, 0), jacobian), 1, 1e-60)
        hull = solvers.min_norm_weights(tf.matmul(slopes, slopes, transpose_b=True))
        slope = tf.linalg.matvec(slopes, hull, transpose_a=True)
        return weights, tf.reduce_sum(logits * tf.stop_gradient(slope))


@mtbench.hookimpl
def mtbench_weightings() -> list[type[mtbench.Weighting]]:
    """Offer the strategy."""
    return [MOML]
