"""Conflict-free gradients (Liu et al., ConFIG, ICLR 2025)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

import mtbench
from mtbench.kit import solvers


class ConFIG(mtbench.GramianWeighting):
    """The direction that has the same cosine with every gradient.

    With unit gradients as the rows of U and x = U⁺ 1, the update is (Σ_i g_i · x̂) x̂, x̂ = x / ‖x‖.
    In terms of lengths D and cosines C: x = Uᵀ C⁺ 1, ⁺ the pseudo-inverse: of gradients that are
    linearly dependent, the direction whose cosines are equal by least squares.
    """

    name = "config"
    degree = 1

    def build(self, tasks: Mapping[str, mtbench.Task]) -> Any:
        """Make the weights."""

        def weigh(losses: Any, gramian: Any) -> Any:
            weights = solvers.equal_angle_weights(gramian)
            inner = tf.linalg.matvec(gramian, weights)  # g_i · x
            square = tf.tensordot(weights, inner, 1)  # ‖x‖²
            return tf.math.divide_no_nan(tf.reduce_sum(inner), square) * weights

        return weigh


@mtbench.hookimpl
def mtbench_weightings() -> list[type[mtbench.Weighting]]:
    """Offer the strategy."""
    return [ConFIG]
