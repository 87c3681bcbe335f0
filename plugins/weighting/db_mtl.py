"""Dual-balancing (Lin et al., DB-MTL, arXiv 2308.12029, 2023)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
from pydantic import Field

import mtbench


class DBMTL(mtbench.GradientWeighting):
    """Logarithms of the losses, and gradients of one length.

    With moving averages b_i of the gradients of log L_i, b_i ← b_i + (1 − β_k) (∇ log L_i − b_i),
    β_k = β / k^σ in step k, the update is max_j ‖b_j‖ Σ_i b_i / ‖b_i‖ (algorithm 1).
    """

    name = "db-mtl"
    degree = 0
    beta: float = Field(0.9, ge=0, lt=1)
    """β, how slowly the averages follow at first."""
    beta_sigma: float = Field(0.5, ge=0, allow_inf_nan=False)
    """σ, how fast they come to follow at once."""
    epsilon: float = Field(1e-8, gt=0, allow_inf_nan=False)
    """Added to each loss."""

    def build(self, tasks: Mapping[str, mtbench.Task], sizes: Sequence[int]) -> DBMTLUpdate:
        """Make the update."""
        return DBMTLUpdate(len(tasks), sum(sizes), self)


class DBMTLUpdate:
    """The update, with averages of the gradients."""

    def __init__(self, tasks: int, parameters: int, options: DBMTL) -> None:
        self.options = options
        self.step = tf.Variable(0.0, trainable=False)
        self.average = tf.Variable(tf.zeros([tasks, parameters]), trainable=False)

    def scale(self, losses: Any) -> Any:
        """Log L_i, float32 `[tasks]`."""
        return tf.math.log(losses + self.options.epsilon)

    def __call__(self, losses: Any, gradients: Any) -> Any:
        """Losses `[tasks]` and gradients `[tasks, parameters]` to the update `[parameters]`."""
        step = self.step.assign_add(1.0)
        beta = self.options.beta / step**self.options.beta_sigma
        average = self.average.assign(gradients + beta * (self.average - gradients))
        lengths = tf.norm(average, axis=1)
        factors = tf.math.divide_no_nan(tf.reduce_max(lengths), lengths)
        return tf.linalg.matvec(average, factors, transpose_a=True)


@mtbench.hookimpl
def mtbench_weightings() -> list[type[mtbench.Weighting]]:
    """Offer the strategy."""
    return [DBMTL]
