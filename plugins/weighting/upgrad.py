"""Jacobian descent (Quinton and Rey, arXiv 2406.16232, 2024)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

import mtbench
from mtbench.kit import solvers


class UPGrad(mtbench.GramianWeighting):
    """Project each gradient onto the dual cone of all of them, then take the mean (UPGrad).

    The dual cone holds the updates d with g_j · d ≥ 0 for all j: they make no task worse.
    """

    name = "upgrad"
    degree = 1
    most_tasks = solvers.MOST_TASKS

    def build(self, tasks: Mapping[str, mtbench.Task]) -> Any:
        """Make the weights."""
        count = len(tasks)
        each = tf.eye(count, dtype=tf.float64) / count
        return lambda losses, gramian: tf.reduce_sum(solvers.dual_cone_weights(gramian, each), 0)


@mtbench.hookimpl
def mtbench_weightings() -> list[type[mtbench.Weighting]]:
    """Offer the strategy."""
    return [UPGrad]
