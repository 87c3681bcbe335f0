"""Soft optimal uncertainty weighting (Kirchdorfer et al., UW-SO, GCPR 2024)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from pydantic import Field

import mtbench

EPSILON = 1e-8


class UWSO(mtbench.LossWeighting):
    """Σ_k w_k L_k with w the softmax of the inverse losses, w_k ∝ exp(1 / (T L_k)).

    With the σ_k that are best for the losses as they are, the weights of uncertainty weighting are
    1 / L_k; a softmax of these with a temperature T evens them out (arXiv 2408.07985). Weights sum
    to 1 and are held constant in the step. T is in units of an inverse loss, so that the one to
    take depends on the losses: the paper tunes it for each data set.
    """

    name = "uw-so"
    temperature: float = Field(1.0, gt=0, allow_inf_nan=False)
    """T: a large one evens the weights out."""

    def build(self, tasks: Mapping[str, mtbench.Task]) -> Any:
        """Make the weighted sum."""

        def combine(losses: Any) -> Any:
            inverse = 1.0 / (tf.stop_gradient(losses) + EPSILON)
            return tf.reduce_sum(tf.nn.softmax(inverse / self.temperature) * losses)

        return combine


@mtbench.hookimpl
def mtbench_weightings() -> list[type[mtbench.Weighting]]:
    """Offer the strategy."""
    return [UWSO]
