"""Gradient sign dropout (Chen et al., Just Pick a Sign, NeurIPS 2020)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
from pydantic import Field

import mtbench


class GradDrop(mtbench.GradientWeighting):
    """Where tasks disagree on the sign of an element, draw one sign and drop the others.

    P = ½ (1 + Σ_i g_i / Σ_i |g_i|) for each element, U ~ Uniform(0, 1); M_i keeps what is positive
    where P > U and what is negative where P < U; the update is Σ_i (l + (1 − l) M_i) g_i with leak
    l (algorithm 1). Here the elements are those of the parameters' gradient; the paper's layer
    takes those of an activation.
    """

    name = "graddrop"
    degree = 1
    leak: float = Field(0.0, ge=0, le=1)
    """Share of a dropped element that stays."""

    def build(self, tasks: Mapping[str, mtbench.Task], sizes: Sequence[int]) -> Any:
        """Make the update."""
        return lambda losses, gradients: drop(gradients, tf.random.uniform([sum(sizes)]), self.leak)


def drop(gradients: Any, uniform: Any, leak: float) -> Any:
    """Gradients `[tasks, parameters]` and draws `[parameters]` to the update `[parameters]`."""
    total, size = tf.reduce_sum(gradients, 0), tf.reduce_sum(tf.abs(gradients), 0)
    positive = 0.5 * (1.0 + tf.math.divide_no_nan(total, size))
    chosen = tf.sign(positive - uniform)  # +1 where P > U
    kept = tf.cast(tf.sign(gradients) == chosen, gradients.dtype)
    return tf.reduce_sum((leak + (1.0 - leak) * kept) * gradients, 0)


@mtbench.hookimpl
def mtbench_weightings() -> list[type[mtbench.Weighting]]:
    """Offer the strategy."""
    return [GradDrop]
