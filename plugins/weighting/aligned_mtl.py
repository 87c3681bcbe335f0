"""Independent component alignment (Senushkin et al., CVPR 2023)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import tensorflow as tf

import mtbench


class AlignedMTL(mtbench.GramianWeighting):
    """Scale the principal components of the gradients to one length, then take their mean.

    With G = V Λ Vᵀ, of which the part of full rank is kept, and σ = √λ, the aligned gradients are
    B g with B = s V diag(1/σ) Vᵀ (algorithm 1); the condition number of these is 1. Equal
    preferences 1/T give the weights B 1/T.
    """

    name = "aligned-mtl"
    degree = 1
    scale: Literal["min", "median", "rmse"] = "min"
    """s: the least, the median or the root mean square of the σ; the paper's is the least."""

    def build(self, tasks: Mapping[str, mtbench.Task]) -> Any:
        """Make the weights."""

        def weigh(losses: Any, gramian: Any) -> Any:
            count = losses.shape[0]
            values, vectors = tf.linalg.eigh(gramian)  # rising
            kept = values > 1e-14 * count * values[-1]
            sigma = tf.sqrt(tf.boolean_mask(values, kept))
            vectors = tf.boolean_mask(vectors, kept, axis=1)
            scale = {
                "min": lambda: sigma[:1],
                "median": lambda: sigma[(tf.size(sigma) - 1) // 2 :][:1],
                "rmse": lambda: tf.sqrt(tf.reduce_mean(sigma**2, keepdims=True)),
            }[self.scale]()
            means = tf.reduce_mean(vectors, 0)  # Vᵀ 1/T
            return tf.linalg.matvec(vectors, scale * means / sigma)

        return weigh


@mtbench.hookimpl
def mtbench_weightings() -> list[type[mtbench.Weighting]]:
    """Offer the strategy."""
    return [AlignedMTL]
