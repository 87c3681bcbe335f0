"""Group optimization for multi-task alignment (Shen et al., GO4Align, NeurIPS 2024)."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from pydantic import Field

import mtbench


class GO4Align(mtbench.LossWeighting):
    """Group the tasks by what their losses have been, and give a group one weight.

    A task's indicator is γ_k = p_k Σ_i L_i / L_k, where p_k ← p_k exp(−η L_k), scaled to sum 1 and
    1/T at first, remembers all losses so far. The tasks are divided into K groups with the least
    Σ_k (γ_k − mean of its group)², the objective of k-means, and the step minimises Σ_k w_k L_k,
    w_k the mean of k's group and held constant. Indicators are those of the authors' code; groups
    are the best division there is, where that starts k-means at random. A task's losses are
    remembered from the steps that have a label of it.
    """

    name = "go4align"
    most_tasks = 12
    groups: int = Field(2, ge=1)
    """K; with no more tasks than that each is a group, and its weight its indicator."""
    step_size: float = Field(1e-4, gt=0, allow_inf_nan=False)
    """η, how fast the remembered losses count."""

    def build(self, tasks: Mapping[str, mtbench.Task]) -> GO4AlignLoss:
        """Make the weighted sum."""
        return GO4AlignLoss(len(tasks), self)


class GO4AlignLoss:
    """Σ_k w_k L_k."""

    def __init__(self, tasks: int, options: GO4Align) -> None:
        self.step_size = options.step_size
        # not p itself: scaling that of some tasks would change it by that of the others
        self.seen = tf.Variable(tf.zeros([tasks], tf.float64), trainable=False)
        """Sum of each task's losses so far."""
        self.means = _means_of_groups(tasks, min(options.groups, tasks))

    def __call__(self, losses: Any) -> Any:
        """Losses, float32 `[tasks]`, to a scalar."""
        exact = tf.cast(tf.stop_gradient(losses), tf.float64)
        share = tf.nn.softmax(-self.step_size * self.seen.assign_add(exact))
        indicators = share * tf.math.divide_no_nan(tf.reduce_sum(exact), exact)
        weights = self._of_groups(indicators)
        return tf.reduce_sum(tf.cast(weights, losses.dtype) * losses)

    def _of_groups(self, indicators: Any) -> Any:
        """Each task's mean of its group, float64 `[tasks]`."""
        order = tf.argsort(indicators, stable=True)
        rising = tf.gather(indicators, order)
        means = tf.linalg.matvec(self.means, rising)
        best = tf.argmin(tf.reduce_sum((rising - means) ** 2, 1))
        return tf.gather(means[best], tf.argsort(order))


def _means_of_groups(tasks: int, groups: int) -> np.ndarray:
    """For each division of a row into runs the matrix that takes means, `[divisions, T, T]`.

    The best groups of numbers are runs of them in order, so that these divisions are all there are.
    """
    matrices = []
    for cuts in itertools.combinations(range(1, tasks), groups - 1):
        run = np.searchsorted(cuts, np.arange(tasks), side="right")
        same = run[:, None] == run
        matrices.append(same / same.sum(1, keepdims=True))
    return np.array(matrices)


@mtbench.hookimpl
def mtbench_weightings() -> list[type[mtbench.Weighting]]:
    """Offer the strategy."""
    return [GO4Align]
