"""Logarithms of the losses: the loss part of DB-MTL (Lin et al., arXiv 2308.12029, 2023)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from pydantic import Field

import mtbench


class Log(mtbench.LossWeighting):
    """Σ_i log L_i: each task's gradient is divided by its loss, whatever scale that has."""

    name = "log"
    degree = 0
    epsilon: float = Field(1e-8, gt=0, allow_inf_nan=False)
    """Added to each loss."""

    def build(self, tasks: Mapping[str, mtbench.Task]) -> Any:
        """Make the sum."""
        return lambda losses: tf.reduce_sum(tf.math.log(losses + self.epsilon))


@mtbench.hookimpl
def mtbench_weightings() -> list[type[mtbench.Weighting]]:
    """Offer the strategy."""
    return [Log]
