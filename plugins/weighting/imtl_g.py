"""Impartial multi-task learning, its gradient balance (Liu et al., ICLR 2021)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

import mtbench
from mtbench.kit import solvers


class IMTLG(mtbench.GramianWeighting):
    """An update with equal projections on the directions of all gradients (IMTL-G).

    α with Σ_i α_i = 1 and (Σ_i α_i g_i) · g_j / ‖g_j‖ equal for all j. With D the lengths and C the
    cosines that is α ∝ D⁻¹ C⁻¹ 1. A weight may be negative.
    """

    name = "imtl-g"
    degree = 1

    def build(self, tasks: Mapping[str, mtbench.Task]) -> Any:
        """Make the weights."""

        def weigh(losses: Any, gramian: Any) -> Any:
            weights = solvers.equal_angle_weights(gramian)
            return tf.math.divide_no_nan(weights, tf.reduce_sum(weights))

        return weigh


@mtbench.hookimpl
def mtbench_weightings() -> list[type[mtbench.Weighting]]:
    """Offer the strategy."""
    return [IMTLG]
