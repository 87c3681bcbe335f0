"""Fast adaptive multitask optimization (Liu et al., NeurIPS 2023)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from pydantic import Field

import mtbench

EPSILON = 1e-8


class FAMO(mtbench.LossWeighting):
    """Let all losses fall at the rate of the slowest, without their gradients.

    The step minimises c Σ_i z_i log(L_i − b_i), z = softmax(w), c = 1 / Σ_i z_i / (L_i − b_i); then
    w goes against (∂z/∂w)ᵀ δ + γ w, where δ_i = log(L_i − b_i) before the step − after it, on
    the same batch (algorithm 1). b is a lower bound of the losses, here 0.
    """

    name = "famo"
    degree = 1
    learning_rate: float | None = Field(0.025, gt=0, allow_inf_nan=False)
    """Learning rate of w; null: that of the model."""
    gamma: float = Field(1e-3, ge=0, allow_inf_nan=False)
    """γ, decay of w."""
    same_batch: bool = True
    """False: δ from the batch before, which saves the second forward pass and is noisier."""

    def build(self, tasks: Mapping[str, mtbench.Task]) -> FAMOLoss:
        """Make the weighted sum."""
        return (SameBatch if self.same_batch else LastBatch)(len(tasks), self.gamma)


class FAMOLoss:
    """c Σ_i z_i log L_i."""

    def __init__(self, tasks: int, gamma: float) -> None:
        self.gamma = gamma
        self.logits = tf.Variable(tf.zeros([tasks]), name="logits")

    def __call__(self, losses: Any) -> Any:
        """Losses, float32 `[tasks]`, to a scalar."""
        share = tf.nn.softmax(tf.stop_gradient(self.logits))
        scale = 1.0 / tf.reduce_sum(share / (tf.stop_gradient(losses) + EPSILON))
        return scale * tf.reduce_sum(share * tf.math.log(losses + EPSILON))

    def objective(self, before: Any, after: Any) -> Any:
        """What w minimises: Σ_i z_i δ_i + γ/2 ‖w‖²."""
        fallen = tf.math.log(before + EPSILON) - tf.math.log(after + EPSILON)
        decay = 0.5 * self.gamma * tf.reduce_sum(self.logits**2)
        return tf.reduce_sum(tf.nn.softmax(self.logits) * tf.stop_gradient(fallen)) + decay


class SameBatch(FAMOLoss):
    """δ from a second forward pass."""

    def after_step(self, before: Any, after: Any) -> Any:
        """Objective of w, from the losses of the batch before and after the step."""
        return self.objective(before, after)


class LastBatch(FAMOLoss):
    """δ from one batch to the next."""

    def __init__(self, tasks: int, gamma: float) -> None:
        super().__init__(tasks, gamma)
        self.previous = tf.Variable(tf.zeros([tasks]), trainable=False)
        """Losses of the last batch, 0 before there was one."""

    def __call__(self, losses: Any) -> Any:
        """Losses, float32 `[tasks]`, to a scalar; w gets its own gradient with it."""
        before = tf.where(self.previous > 0.0, self.previous, losses)
        objective = self.objective(before, losses)
        self.previous.assign(losses)
        return super().__call__(losses) + objective


@mtbench.hookimpl
def mtbench_weightings() -> list[type[mtbench.Weighting]]:
    """Offer the strategy."""
    return [FAMO]
