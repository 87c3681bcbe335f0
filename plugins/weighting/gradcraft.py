"""Holistic gradient crafting (Bai et al., GradCraft, KDD 2024)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from pydantic import Field

import mtbench
from mtbench.kit import solvers


class GradCraft(mtbench.GramianWeighting):
    """Lengthen the gradients towards the longest, then take all conflicts of each away at once.

    h_i = (τ max_j ‖g_j‖ / ‖g_i‖ + 1 − τ) g_i. With the h_j in conflict with h_i, h_i · h_j < 0, as
    the rows of H, d_i = h_i + Hᵀ (H Hᵀ)⁻¹ (b − H h_i), b_j = ε ‖h_i‖ ‖h_j‖: the nearest vector to
    h_i with H d_i = b. The update is the mean of the d_i, as in the authors' code, and lengths are
    those of the shared parameters. Where such h_j are linearly dependent ⁻¹ is the pseudo-inverse.
    """

    name = "gradcraft"
    degree = 1
    relax: float = Field(0.1, ge=0, le=1)
    """τ: 1 makes lengths equal, 0 leaves them alone."""
    epsilon: float = Field(1e-10, ge=0, lt=1)
    """ε: the cosine, nearly, that takes the place of a negative one."""

    def build(self, tasks: Mapping[str, mtbench.Task]) -> Any:
        """Make the weights."""

        def weigh(losses: Any, gramian: Any) -> Any:
            lengths = tf.sqrt(tf.linalg.diag_part(gramian))
            ratio = tf.math.divide_no_nan(tf.reduce_max(lengths), lengths)
            factors = self.relax * ratio + (1.0 - self.relax)
            crafted = factors[:, None] * gramian * factors
            added = solvers.conflict_free_weights(crafted, self.epsilon)
            return factors * (1.0 + tf.reduce_sum(added, 0)) / lengths.shape[0]

        return weigh


@mtbench.hookimpl
def mtbench_weightings() -> list[type[mtbench.Weighting]]:
    """Offer the strategy."""
    return [GradCraft]
