"""First-order multi-objective bi-level optimization (Ye et al., FORUM, ECAI 2024)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf
from pydantic import Field

import mtbench
from mtbench.kit import solvers


class FORUM(mtbench.BatchesWeighting):
    """Every task's loss on one batch, held to weights whose weighted loss on another is least.

    With w = softmax(α) and f(α, θ) = Σ_i w_i L_i(θ) on the step's batch, the constraint is
    q = f(α, θ) − f(α, θ*) ≤ 0, θ* some steps of plain descent of f from θ and held constant. With
    the gradients F_i of the tasks on a second batch, scaled to length 1, and ∇q, both by (α, θ),
    the update is Σ_i λ_i F_i + ν ∇q: λ on the simplex has the least
    ‖Σ_i λ_i F_i + ν ∇q‖² − ν ρ ‖∇q‖² with ν = max(Σ_i λ_i π_i, 0) and π_i = ρ − F_i · ∇q / ‖∇q‖²,
    is averaged over the steps, λ̃ ← λ̃ + (λ − λ̃) / e^¾ in epoch e from 1, and gives ν (the authors'
    code).
    """

    name = "forum"
    weighs_heads = True
    weighs_all = True
    most_tasks = solvers.MOST_TASKS
    rho: float = Field(0.1, gt=0, allow_inf_nan=False)
    """ρ, how fast the constraint is to be met."""
    inner_steps: int = Field(5, ge=1)
    """Steps from θ to θ*."""
    inner_learning_rate: float = Field(0.1, gt=0, allow_inf_nan=False)
    """Their size."""
    learning_rate: float | None = Field(1e-3, gt=0, allow_inf_nan=False)
    """Learning rate of α; null: that of the model."""

    @property
    def ahead(self) -> mtbench.Ahead:
        """θ*."""
        return mtbench.Ahead("losses", self.inner_steps)

    def build(self, tasks: Mapping[str, mtbench.Task]) -> FORUMWeights:
        """Make the weights."""
        return FORUMWeights(len(tasks), self)


class FORUMWeights:
    """The logits α and the averaged λ."""

    def __init__(self, tasks: int, options: FORUM) -> None:
        self.rho, self.rate = options.rho, options.inner_learning_rate
        self.logits = tf.Variable(tf.zeros([tasks]), name="logits")
        self.multipliers = tf.Variable(tf.zeros([tasks], tf.float64), trainable=False)
        self.epoch = tf.Variable(1.0, trainable=False, dtype=tf.float64)

    def step_ahead(self) -> Any:
        """The weights of f, times the size of a step."""
        return self.rate * tf.nn.softmax(self.logits)

    def __call__(self, losses: Any, products: Callable[[int, int], Any]) -> Any:
        """Losses `[3, tasks]`, the last of θ*, and inner products to weights `[2, tasks]`."""
        logits = tf.cast(self.logits, tf.float64)
        weights = tf.stop_gradient(tf.nn.softmax(logits))
        fallen = losses[0] - losses[2]
        by_logits = weights * (fallen - tf.reduce_sum(weights * fallen))  # of ∇q
        outer = products(1, 1)
        lengths = tf.sqrt(tf.linalg.diag_part(outer))
        inverse = tf.math.divide_no_nan(tf.ones_like(lengths), lengths)
        along = inverse * tf.linalg.matvec(products(1, 0), weights)  # F_i · ∇q
        square = tf.reduce_sum(by_logits**2)
        square += tf.reduce_sum(weights * tf.linalg.matvec(products(0, 0), weights))
        bounds = self.rho - tf.math.divide_no_nan(along, square)
        cosines = inverse[:, None] * outer * inverse
        found = solvers.constrained_weights(cosines, along, square, self.rho)
        kept = self.multipliers.assign_add((found - self.multipliers) / self.epoch**0.75)
        nu = tf.maximum(tf.reduce_sum(kept * bounds), 0.0)
        objective = tf.reduce_sum(logits * tf.stop_gradient(nu * by_logits))
        return tf.stack([nu * weights, kept * inverse]), objective

    def epoch_ended(self, losses: Any) -> None:
        """Count the epochs."""
        self.epoch.assign_add(1.0)


@mtbench.hookimpl
def mtbench_weightings() -> list[type[mtbench.Weighting]]:
    """Offer the strategy."""
    return [FORUM]
