"""The tasks' gradients by the parameters they share, and what a strategy makes of them.

Gradients are exact and formed once for each task, in two stages: from its loss back to the towers'
outputs and its head, then from the outputs through the towers. The second stage is cheap, since the
heads are left behind. Rows of an embedding table stay rows: the gradient of a table is the sum over
equal ids of the rows that were looked up, and nothing of the table's size is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from .components import GradientWeighting, GramianWeighting, LossWeighting, Task, Weighting

Tensor = Any


class TaskGradients:
    """Gradients of T losses by some variables, T at least 1.

    Args:
        columns: For each variable each task's gradient by it: a tensor, `tf.IndexedSlices` (an
            index may repeat), or None for 0.
        tasks: Number of tasks.
        shapes: Shape of each variable.
    """

    def __init__(
        self, columns: Sequence[Sequence[Any]], tasks: int, shapes: Sequence[tf.TensorShape]
    ) -> None:
        self._tasks = tasks
        self._shapes = [tuple(shape) for shape in shapes]
        self._parts = [
            _stack(column, shape) for column, shape in zip(columns, self._shapes, strict=True)
        ]

    def gramian(self) -> Tensor:
        """Inner products of the tasks' gradients, float64 `[tasks, tasks]`."""
        total = tf.zeros([self._tasks, self._tasks], tf.float64)
        for _, values in self._parts:
            rows = tf.cast(tf.reshape(values, [self._tasks, -1]), tf.float64)
            total += tf.matmul(rows, rows, transpose_b=True)
        return total

    def combine(self, weights: Tensor) -> list[Any]:
        """Σ w_i g_i for weights `[tasks]`: a tensor or `tf.IndexedSlices` for each variable."""
        combined = []
        for (ids, values), shape in zip(self._parts, self._shapes, strict=True):
            total = tf.tensordot(tf.cast(weights, values.dtype), values, 1)
            combined.append(total if ids is None else tf.IndexedSlices(total, ids, shape))
        return combined

    def matrix(self) -> Tensor:
        """All gradients, dense, float32 `[tasks, parameters]`."""
        columns = [tf.zeros([self._tasks, 0])]  # if nothing is shared
        for (ids, values), shape in zip(self._parts, self._shapes, strict=True):
            rows = tf.unstack(values)
            if ids is not None:
                rows = [tf.scatter_nd(ids[:, None], row, shape) for row in rows]
            columns.append(tf.stack([tf.reshape(row, [-1]) for row in rows]))
        return tf.concat(columns, 1)

    def split(self, vector: Tensor) -> list[Any]:
        """A vector `[parameters]` as a tensor for each variable."""
        sizes = [tf.TensorShape(shape).num_elements() for shape in self._shapes]
        parts = tf.split(vector, sizes)
        return [tf.reshape(part, s) for part, s in zip(parts, self._shapes, strict=True)]


def _stack(column: Sequence[Any], shape: tuple[int, ...]) -> tuple[Any, Tensor]:
    """One variable's gradients of all tasks in one tensor.

    Returns:
        Distinct ids and values `[tasks, ids, …]`; for a dense gradient None and `[tasks, *shape]`.
    """
    if not all(g is None or isinstance(g, tf.IndexedSlices) for g in column):
        dense = [tf.zeros(shape) if g is None else tf.convert_to_tensor(g) for g in column]
        return None, tf.stack(dense)
    slices = [g for g in column if g is not None]
    ids, where = tf.unique(tf.concat([g.indices for g in slices], 0))
    parts = iter(tf.split(where, [tf.shape(g.indices)[0] for g in slices]))
    size = tf.size(ids)
    return ids, tf.stack(
        [
            tf.zeros(tf.concat([[size], shape[1:]], 0))
            if g is None
            else tf.math.unsorted_segment_sum(g.values, next(parts), size)
            for g in column
        ]
    )


@dataclass(frozen=True)
class Weighed:
    """What a strategy made of a step."""

    heads: Tensor
    """Weight of each task for the parameters of its own, float32 `[tasks]`."""
    weights: Tensor | None
    """Weight of each task for the shared parameters, float32 `[tasks]`."""
    update: Tensor | None
    """Gradient of the shared parameters, float32 `[parameters]`, where there are no weights."""
    own: list[Any]
    """Gradients of the strategy's trainable variables."""


class Weigher:
    """A built strategy, whichever its form.

    Args:
        weighting: The strategy.
        tasks: The trained tasks.
        sizes: Number of elements of each shared variable.

    Attributes:
        strategy: What the strategy's `build` returned.
        variables: The trainable variables of the strategy; empty until they are set.
    """

    def __init__(
        self, weighting: Weighting, tasks: Mapping[str, Task], sizes: Sequence[int]
    ) -> None:
        self._weighting = weighting
        self.strategy: Any
        if isinstance(weighting, GradientWeighting):
            self.strategy = weighting.build(tasks, sizes)
        elif isinstance(weighting, GramianWeighting | LossWeighting):
            self.strategy = weighting.build(tasks)
        else:
            raise TypeError(
                f"weighting {weighting.name!r}: expected a LossWeighting, GramianWeighting or "
                f"GradientWeighting, found {type(weighting).__name__}"
            )
        self.variables: list[Any] = []
        self._scale: Callable[[Tensor], Tensor] = getattr(self.strategy, "scale", lambda x: x)

    @property
    def needs_gradients(self) -> bool:
        """Whether it has to be given gradients."""
        return not isinstance(self._weighting, LossWeighting)

    @property
    def at_outputs(self) -> bool:
        """Whether the gradients are to be those by the towers' outputs."""
        return isinstance(self._weighting, GramianWeighting) and self._weighting.at_outputs

    def __call__(self, losses: Tensor, gradients: TaskGradients | None = None) -> Weighed:
        """Weigh the tasks of a step.

        Args:
            losses: Of each task, float32 `[tasks]`.
            gradients: Of each task, where `needs_gradients`.
        """
        if gradients is None or not self.needs_gradients:
            with tf.GradientTape() as tape:
                tape.watch(losses)
                loss = self.strategy(losses)
            weights, own = tape.gradient(loss, [losses, self.variables])
            weights = tf.zeros_like(losses) if weights is None else tf.convert_to_tensor(weights)
            return Weighed(weights, weights, None, own)
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(losses)
            scaled = self._scale(losses)
        factors = tape.gradient(scaled, losses)
        own = tape.gradient(scaled, self.variables)
        if isinstance(self._weighting, GradientWeighting):
            matrix = factors[:, None] * gradients.matrix()
            return Weighed(factors, None, self.strategy(scaled, matrix), own)
        double = tf.cast(factors, tf.float64)
        gramian = double[:, None] * gradients.gramian() * double
        with tf.GradientTape() as tape:
            found = self.strategy(tf.cast(scaled, tf.float64), gramian)
        weights = found
        if isinstance(found, tuple):
            weights, objective = found
            own = _add(own, tape.gradient(objective, self.variables))
        weights = factors * tf.cast(weights, tf.float32)
        weighs_heads = getattr(self._weighting, "weighs_heads", False)
        return Weighed(weights if weighs_heads else factors, weights, None, own)

    def after_step(self, before: Tensor, after: Tensor) -> list[Any]:
        """Gradients of the strategy's trainable variables, from the losses around a step."""
        with tf.GradientTape() as tape:
            objective = self.strategy.after_step(before, after)
        return list(tape.gradient(objective, self.variables))


def _add(one: Sequence[Any], other: Sequence[Any]) -> list[Any]:
    """Sum of two lists of gradients, any of them None."""
    return [
        tf.add_n([g for g in pair if g is not None]) if any(g is not None for g in pair) else None
        for pair in zip(one, other, strict=True)
    ]
