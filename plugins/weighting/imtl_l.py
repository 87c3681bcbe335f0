"""Impartial multi-task learning, its loss balance (Liu et al., ICLR 2021)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from pydantic import Field

import mtbench


class IMTLL(mtbench.LossWeighting):
    """Σ_i exp(s_i) L_i − s_i with learned s_i; at the minimum every scaled loss is 1 (IMTL-L)."""

    name = "imtl-l"
    learning_rate: float | None = Field(None, gt=0, allow_inf_nan=False)
    """Learning rate of s; default: that of the model."""

    def build(self, tasks: Mapping[str, mtbench.Task]) -> IMTLLLoss:
        """Make the sum."""
        return IMTLLLoss(len(tasks))


class IMTLLLoss:
    """Σ_i exp(s_i) L_i − s_i."""

    def __init__(self, tasks: int) -> None:
        self.log_scale = tf.Variable(tf.zeros([tasks]), name="log_scale")

    def __call__(self, losses: Any) -> Any:
        """Losses, float32 `[tasks]`, to a scalar."""
        return tf.reduce_sum(tf.exp(self.log_scale) * losses - self.log_scale)


@mtbench.hookimpl
def mtbench_weightings() -> list[type[mtbench.Weighting]]:
    """Offer the strategy."""
    return [IMTLL]
