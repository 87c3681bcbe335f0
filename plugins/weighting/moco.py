"""Multi-objective gradient correction (Fernando et al., ICLR 2023)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
from pydantic import Field

import mtbench
from mtbench.kit import solvers


class MoCo(mtbench.GradientWeighting):
    """MGDA on tracked gradients, its weights one step of projected descent at a time.

    y_i ← y_i − β_k (y_i − g_i); λ ← Π(λ − γ_k (Y Yᵀ + ρ I) λ) with Π the projection onto the
    simplex; the update is Yᵀ λ (algorithm 1). β_k = β / k^σ and γ_k = γ / k^τ in step k.
    """

    name = "moco"
    beta: float = Field(0.5, gt=0, le=1)
    """β, how fast tracked gradients follow."""
    beta_sigma: float = Field(0.5, ge=0, allow_inf_nan=False)
    """σ, how fast β_k falls."""
    gamma: float = Field(0.1, gt=0, allow_inf_nan=False)
    """γ, step size of the weights."""
    gamma_sigma: float = Field(0.5, ge=0, allow_inf_nan=False)
    """τ, how fast γ_k falls."""
    rho: float = Field(0.0, ge=0, allow_inf_nan=False)
    """ρ, pulls the weights together."""

    def build(self, tasks: Mapping[str, mtbench.Task], sizes: Sequence[int]) -> MoCoUpdate:
        """Make the update."""
        return MoCoUpdate(len(tasks), sum(sizes), self)


class MoCoUpdate:
    """The update, with tracked gradients Y and weights λ."""

    def __init__(self, tasks: int, parameters: int, options: MoCo) -> None:
        self.options = options
        self.step = tf.Variable(0.0, trainable=False)
        self.tracked = tf.Variable(tf.zeros([tasks, parameters]), trainable=False)
        self.weights = tf.Variable(tf.fill([tasks], 1.0 / tasks), trainable=False)

    def __call__(self, losses: Any, gradients: Any) -> Any:
        """Losses `[tasks]` and gradients `[tasks, parameters]` to the update `[parameters]`."""
        options = self.options
        step = self.step.assign_add(1.0)
        beta = options.beta / step**options.beta_sigma
        gamma = options.gamma / step**options.gamma_sigma
        tracked = self.tracked.assign_sub(beta * (self.tracked - gradients))
        gramian = tf.matmul(tracked, tracked, transpose_b=True)
        slope = tf.linalg.matvec(gramian, self.weights) + options.rho * self.weights
        weights = solvers.simplex_projection(self.weights - gamma * slope)
        self.weights.assign(weights)
        return tf.linalg.matvec(tracked, weights, transpose_a=True)


@mtbench.hookimpl
def mtbench_weightings() -> list[type[mtbench.Weighting]]:
    """Offer the strategy."""
    return [MoCo]
