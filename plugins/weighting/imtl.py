"""Impartial multi-task learning (Liu et al., ICLR 2021)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from pydantic import Field

import mtbench
from mtbench.kit import solvers


class IMTL(mtbench.GramianWeighting):
    """IMTL-G on losses that IMTL-L scales: both balances at once.

    The losses are exp(s_i) L_i − s_i with learned s_i, for heads as well; the shared parameters'
    update has equal projections on the directions of all their gradients.
    """

    name = "imtl"
    learning_rate: float | None = Field(None, gt=0, allow_inf_nan=False)
    """Learning rate of s; default: that of the model."""

    def build(self, tasks: Mapping[str, mtbench.Task]) -> IMTLWeights:
        """Make the weights."""
        return IMTLWeights(len(tasks))


class IMTLWeights:
    """Scales of the losses, and weights of their gradients."""

    def __init__(self, tasks: int) -> None:
        self.log_scale = tf.Variable(tf.zeros([tasks]), name="log_scale")

    def scale(self, losses: Any) -> Any:
        """exp(s_i) L_i − s_i, float32 `[tasks]`."""
        return tf.exp(self.log_scale) * losses - self.log_scale

    def __call__(self, losses: Any, gramian: Any) -> Any:
        """Losses `[tasks]` and Gramian `[tasks, tasks]` to weights."""
        return solvers.equal_projection_weights(gramian)


@mtbench.hookimpl
def mtbench_weightings() -> list[type[mtbench.Weighting]]:
    """Offer the strategy."""
    return [IMTL]
