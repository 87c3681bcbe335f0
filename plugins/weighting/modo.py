"""Multi-objective gradient with double sampling (Chen et al., MoDo, NeurIPS 2023)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf
from pydantic import Field

import mtbench
from mtbench.kit import solvers


class MoDo(mtbench.BatchesWeighting):
    """MGDA whose weights follow an unbiased slope, of two batches beside that of the update.

    λ ← Π(λ − γ (G_1ᵀ G_2 + ρ I) λ), Π the projection onto the simplex and G_1, G_2 the gradients of
    two independent batches; the update is Σ_i λ_i g_i of a third (algorithm 1, with the penalty
    ρ/2 ‖λ‖² of the authors' code). With one batch G_1ᵀ G_1 λ would be biased by its noise.
    """

    name = "modo"
    gamma: float = Field(1e-3, gt=0, allow_inf_nan=False)
    """γ, step size of the weights."""
    rho: float = Field(0.1, ge=0, allow_inf_nan=False)
    """ρ, pulls the weights together."""

    @property
    def batches(self) -> int:
        """One for the update, two for the weights."""
        return 3

    def build(self, tasks: Mapping[str, mtbench.Task]) -> MoDoWeights:
        """Make the weights."""
        return MoDoWeights(len(tasks), self)


class MoDoWeights:
    """The weights λ."""

    def __init__(self, tasks: int, options: MoDo) -> None:
        self.options = options
        start = tf.fill([tasks], tf.constant(1.0 / tasks, tf.float64))
        self.weights = tf.Variable(start, trainable=False)

    def __call__(self, losses: Any, products: Callable[[int, int], Any]) -> Any:
        """Losses `[3, tasks]` and inner products to weights `[tasks]`."""
        options = self.options
        slope = tf.linalg.matvec(products(1, 2), self.weights) + options.rho * self.weights
        weights = solvers.simplex_projection(self.weights - options.gamma * slope)
        return self.weights.assign(weights)


@mtbench.hookimpl
def mtbench_weightings() -> list[type[mtbench.Weighting]]:
    """Offer the strategy."""
    return [MoDo]
