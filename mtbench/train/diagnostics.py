"""What a strategy did in an epoch, and how the tasks' gradients lay to each other."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from .forms import Weighed
from .gradients import TaskGradients

Tensor = Any


class Diagnostics:
    """Means over the steps of an epoch.

    Args:
        tasks: Names of the trained tasks.
        by_task: Whether each task's gradient is formed.

    Attributes:
        means: Keras metrics that hold the means.
    """

    def __init__(self, tasks: Sequence[str], by_task: bool) -> None:
        self._tasks, self._by_task = tasks, by_task
        shapes = {"weights": [len(tasks)]}
        if by_task:
            shapes |= {"norms": [len(tasks)]}
            shapes |= {key: [len(tasks)] * 2 for key in ("cosines", "conflicts")}
        self.means = {
            name: tf.keras.metrics.MeanTensor(name=name, shape=shape)
            for name, shape in shapes.items()
        }

    def update(self, weights: Tensor, present: Tensor | None = None) -> None:
        """Add a step's weights, float32 `[tasks]`, of the tasks that are present, by default all.

        Means are over the steps that have something of a task, or of both tasks of a pair.
        """
        self._add("weights", weights, present)

    def _add(self, name: str, values: Tensor, present: Tensor | None) -> None:
        there = None
        if present is not None:
            there = tf.cast(present, tf.float32)
            there = there if len(values.shape) == 1 else there[:, None] * there
        self.means[name].update_state(values, sample_weight=there)

    def update_by_task(
        self, weighed: Weighed, gradients: TaskGradients, present: Tensor | None = None
    ) -> None:
        """Add a step's weights and its tasks' gradients."""
        gramian = gradients.gramian()
        norms = tf.sqrt(tf.linalg.diag_part(gramian))
        inverse = tf.math.divide_no_nan(tf.ones_like(norms), norms)
        cosines = inverse[:, None] * gramian * inverse
        weights = weighed.weights
        if weights is None:
            # the update's coefficients of the gradients, by least squares where it is not a
            # combination of them; the ridge stands for the pseudo-inverse of equal gradients
            along = inverse * tf.cast(
                tf.linalg.matvec(gradients.matrix(), weighed.update), "double"
            )
            ridge = 1e-9 * tf.eye(len(self._tasks), dtype=tf.float64)
            weights = inverse * tf.linalg.solve(cosines + ridge, along[:, None])[:, 0]
        self.update(weights, present)
        self._add("norms", norms, present)
        self._add("cosines", cosines, present)
        self._add("conflicts", tf.cast(cosines < 0, tf.float32), present)

    def result(self) -> dict[str, Any]:
        """The means so far.

        Returns:
            `weights`: each task's weight of its gradient in the update of the shared parameters.
            Where gradients are formed also `gradient_norms`, those by the shared parameters;
            `norm_ratio`, the largest of them by the smallest, None where that is 0; and for each
            pair `task|task` `cosines`, and `conflicts`: the share of steps in which it is negative.
        """
        means = {name: mean.result().numpy() for name, mean in self.means.items()}
        result: dict[str, Any] = {"weights": self._named(means["weights"])}
        if self._by_task:
            norms = means["norms"]
            result["gradient_norms"] = self._named(norms)
            longest, shortest = float(norms.max()), float(norms.min())
            result["norm_ratio"] = longest / shortest if shortest > 0 else None
            for name in ("cosines", "conflicts"):
                result[name] = {
                    f"{self._tasks[i]}|{self._tasks[j]}": float(means[name][i, j])
                    for i, j in itertools.combinations(range(len(self._tasks)), 2)
                }
        return result

    def _named(self, values: Any) -> dict[str, float]:
        return {name: float(value) for name, value in zip(self._tasks, values, strict=True)}
