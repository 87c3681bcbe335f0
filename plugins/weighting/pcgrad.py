"""Gradient surgery (Yu et al., NeurIPS 2020)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

import mtbench
from mtbench.kit import solvers


class PCGrad(mtbench.GramianWeighting):
    """Project each gradient onto the normal plane of those it conflicts with, then add them up.

    For each task i, over the others j in random order: where g_i^PC · g_j < 0,
    g_i^PC ← g_i^PC − (g_i^PC · g_j / ‖g_j‖²) g_j (algorithm 1). Every g_i^PC is a combination of
    the gradients, so the Gramian is enough.
    """

    name = "pcgrad"
    degree = 1

    def build(self, tasks: Mapping[str, mtbench.Task]) -> Any:
        """Make the weights."""
        count = len(tasks)
        return lambda losses, gramian: project(gramian, solvers.random_orders(count))


def project(gramian: Any, orders: Any) -> Any:
    """Weights `[tasks]` from a Gramian and each task's others in order `[tasks, others]`."""
    count = gramian.shape[0]
    squares = tf.linalg.diag_part(gramian)
    rows = tf.eye(count, dtype=tf.float64)  # row i: g_i^PC in terms of the gradients
    for other in tf.unstack(orders, axis=1):
        inner = tf.reduce_sum(rows * tf.gather(gramian, other), 1)
        part = tf.math.divide_no_nan(tf.minimum(inner, 0.0), tf.gather(squares, other))
        rows -= part[:, None] * tf.one_hot(other, count, dtype=tf.float64)
    return tf.reduce_sum(rows, 0)


@mtbench.hookimpl
def mtbench_weightings() -> list[type[mtbench.Weighting]]:
    """Offer the strategy."""
    return [PCGrad]
