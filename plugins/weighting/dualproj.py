"""Projection of the mean (Lopez-Paz and Ranzato, GEM, NeurIPS 2017)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

import mtbench
from mtbench.kit import solvers


class DualProj(mtbench.GramianWeighting):
    """Project the mean gradient onto the dual cone of the gradients.

    The update is the nearest one to the mean that makes no task worse: g_j · d ≥ 0 for all j
    (Lopez-Paz and Ranzato, eq. 8 to 11, for tasks learned one after the other; Quinton and Rey
    2024 name it so).
    """

    name = "dualproj"
    degree = 1
    most_tasks = solvers.MOST_TASKS

    def build(self, tasks: Mapping[str, mtbench.Task]) -> Any:
        """Make the weights."""
        mean = tf.fill([1, len(tasks)], tf.constant(1.0 / len(tasks), tf.float64))
        return lambda losses, gramian: solvers.dual_cone_weights(gramian, mean)[0]


@mtbench.hookimpl
def mtbench_weightings() -> list[type[mtbench.Weighting]]:
    """Offer the strategy."""
    return [DualProj]
