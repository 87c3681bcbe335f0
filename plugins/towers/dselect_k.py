"""DSelect-k (Hazimeh et al., NeurIPS 2021)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
import tensorflow as tf
from pydantic import Field

import mtbench
from mtbench.kit import FeatureTower, mlp, parallel

EPSILON = 1e-6


class DSelectK(FeatureTower):
    """The tasks share experts, of which each task comes to use at most k, chosen by descent.

    y = t(Σ_i q_i f_i(x)) for each task, with q = Σ_j softmax(w)_j r(z_j) of its k selectors. One of
    them gives expert i the product over the digits b of i in binary of S(z_jb) where the digit is
    1, and of 1 − S(z_jb) where it is 0. S is the smooth step: 0 up to −γ/2, 1 from γ/2 on, between
    them −2 t³ / γ³ + 3 t / (2 γ) + ½. Once every S is 0 or 1 a selector has chosen one expert. The
    gate is the paper's static one: it is of a task and does not read the example.
    """

    name = "dselect-k"
    num_experts: Literal[2, 4, 8, 16, 32, 64] = 4
    """Experts: a power of two, so that all numbers in binary are of one."""
    num_selected: int = Field(2, ge=1)
    """k, the most experts that a task comes to use."""
    gamma: float = Field(1.0, gt=0, allow_inf_nan=False)
    """γ, how wide the smooth step is."""
    entropy: float = Field(1e-6, ge=0, allow_inf_nan=False)
    """Weight of the selectors' entropy in the loss: a large one makes them choose soon."""
    units: tuple[Annotated[int, Field(ge=1)], ...] = Field((64,), min_length=1)
    """Units of each expert's layers, ReLU each."""
    task_units: tuple[Annotated[int, Field(ge=1)], ...] = ()
    """Units of each task's hidden layers, ReLU each; a linear layer of `embedding_dim` follows."""

    def build(self, features: mtbench.Features, tasks: Sequence[str]) -> Any:
        """Make a layer from the features to `{task: float32 [n, embedding_dim]}`."""
        inputs = self.inputs(features)
        vector = self.vector(inputs, features)
        experts = parallel(vector, self.num_experts, self.units, self.dropout)
        one = tf.reshape(tf.ones_like(tf.reduce_sum(vector)), [1, 1])  # what a static gate reads
        outputs = {}
        for task in tasks:
            mixed = tf.einsum("e,neo->no", self.gate(one), experts)
            outputs[task] = mlp(mixed, self.task_units, self.embedding_dim, self.dropout)
        return tf.keras.Model(inputs, outputs)

    def gate(self, one: Any) -> Any:
        """Make a gate from the number 1, float32 `[1, 1]`, to weights of sum 1, `[experts]`."""
        start = tf.keras.initializers.RandomUniform(-self.gamma / 100, self.gamma / 100)
        digits = tf.keras.layers.Dense(
            self.num_selected * len(_digits(self.num_experts)[0]),
            use_bias=False,
            kernel_initializer=start,
            kernel_regularizer=self.penalty if self.entropy else None,
        )
        shares = tf.keras.layers.Dense(
            self.num_selected, "softmax", use_bias=False, kernel_initializer="uniform"
        )
        return tf.linalg.matvec(self.selectors(digits(one)), shares(one)[0], transpose_a=True)

    def selectors(self, z: Any) -> Any:
        """The weights of each selector, float32 `[selected, experts]`, from z, of any shape."""
        codes = _digits(self.num_experts)
        steps = self.step(tf.reshape(z, [self.num_selected, 1, codes.shape[1]]))
        return tf.reduce_prod(tf.where(codes, steps, 1.0 - steps), 2)

    def step(self, t: Any) -> Any:
        """The smooth step S(t)."""
        t = tf.clip_by_value(t, -self.gamma / 2, self.gamma / 2)
        return -2.0 / self.gamma**3 * t**3 + 3.0 / (2.0 * self.gamma) * t + 0.5

    def penalty(self, z: Any) -> Any:
        """The selectors' entropy times its weight, a scalar."""
        weights = self.selectors(z)
        return -self.entropy * tf.reduce_sum(weights * tf.math.log(weights + EPSILON))


def _digits(experts: int) -> np.ndarray:
    """The digits of each expert's number in binary, the highest first: bool `[experts, digits]`."""
    places = np.arange((experts - 1).bit_length())[::-1]
    digits: np.ndarray = (np.arange(experts)[:, None] >> places) % 2 == 1
    return digits


@mtbench.hookimpl
def mtbench_towers() -> list[type[mtbench.Tower]]:
    """Offer the tower."""
    return [DSelectK]
