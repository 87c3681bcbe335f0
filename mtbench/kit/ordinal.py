"""Cumulative logits: a distribution over ordered levels from one score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from mtbench.errors import DataError

Tensor = Any


class CumulativeLogits:
    """P(r ≤ level k) = σ(t_k − y), with ordered thresholds t_1 < … < t_{S−1}.

    The proportional odds model (McCullagh, Regression models for ordinal data, JRSS B, 1980); with
    the score y of a factor model it is OrdRec (Koren and Sill, RecSys 2011), there with thresholds
    for each user and t_{k+1} = t_k + exp β_k, here t_{k+1} = t_k + softplus β_k for all.

    Args:
        levels: The values a label can have, increasing, at least two.

    Attributes:
        raw: t_1, β_1, …, β_{S−2}; trained.
    """

    def __init__(self, levels: Sequence[float]) -> None:
        self.levels = np.asarray(levels, np.float32)
        steps = [0.0, *[1.0] * (len(levels) - 2)]
        self.raw = tf.Variable(_raw(np.cumsum(steps)), name="thresholds")

    def adapt(self, labels: np.ndarray, column: str) -> None:
        """Let the thresholds start at the distribution of the labels: t_k = logit P(r ≤ level k).

        Each level counts one more than it has labels, so that thresholds differ.

        Args:
            labels: `[n]`, none missing.
            column: Their name.

        Raises:
            DataError: A label is none of the levels.
        """
        labels = labels.astype(np.float32)
        unknown = labels[~np.isin(labels, self.levels)]
        if len(unknown):
            levels = ", ".join(f"{level:g}" for level in self.levels)
            raise DataError(
                f"column {column!r}: expected one of the levels {levels}, found {unknown[0]:g}: "
                "set the task's option levels"
            )
        counts = np.bincount(np.searchsorted(self.levels, labels), minlength=len(self.levels)) + 1
        below = np.cumsum(counts)[:-1].astype(np.float64)
        self.raw.assign(_raw(np.log(below) - np.log(counts.sum() - below)))

    def losses(self, labels: Tensor, scores: Tensor) -> Tensor:
        """−log P(r) of each label, float32 `[batch]`.

        P(level k) = σ(a) − σ(b) with a = t_k − y and b = t_{k−1} − y, taken as the product
        σ(a) σ(−b) (1 − e^{b − a}), whose logarithm loses no digits.

        Args:
            labels: float32 `[batch]`; what is no level counts as the nearest one.
            scores: float32 `[batch]`, y.
        """
        level = tf.searchsorted((self.levels[1:] + self.levels[:-1]) / 2, labels)
        thresholds, steps = self._thresholds()
        # beyond the outer thresholds a factor is 1
        end = tf.constant([1e9])
        above = tf.gather(tf.concat([thresholds, end], 0), level) - scores
        below = scores - tf.gather(tf.concat([-end, thresholds], 0), level)
        width = tf.math.log(-tf.math.expm1(-tf.concat([end, steps, end], 0)))
        return -(tf.math.log_sigmoid(above) + tf.math.log_sigmoid(below) + tf.gather(width, level))

    def expected(self, scores: Tensor) -> Tensor:
        """The mean of each score's distribution, Σ_k level_k P(level k), float32 `[batch]`."""
        thresholds, _ = self._thresholds()
        exceeded = tf.sigmoid(scores[:, tf.newaxis] - thresholds)
        return self.levels[0] + tf.linalg.matvec(exceeded, np.diff(self.levels))

    def _thresholds(self) -> tuple[Tensor, Tensor]:
        """All thresholds, `[S − 1]`, and the steps between them, `[S − 2]`."""
        steps = tf.nn.softplus(self.raw[1:])
        return self.raw[0] + tf.concat([[0.0], tf.cumsum(steps)], 0), steps


def _raw(thresholds: np.ndarray) -> np.ndarray:
    """What makes `CumulativeLogits` have these thresholds, float32."""
    steps = np.diff(thresholds)
    softplus_inverse = steps + np.log(-np.expm1(-steps))
    return np.concatenate([thresholds[:1], softplus_inverse]).astype(np.float32)
