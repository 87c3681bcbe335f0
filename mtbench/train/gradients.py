"""The tasks' gradients by the parameters they share.

Gradients are exact and formed once for each task, in two stages: from its loss back to the towers'
outputs and its head, then from the outputs through the towers. The second stage is cheap, since the
heads are left behind. Rows of an embedding table stay rows: the gradient of a table is the sum over
equal ids of the rows that were looked up, and nothing of the table's size is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from mtbench.errors import MtbenchError
from mtbench.plugin.batch import Batch

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

    def inner(self, other: TaskGradients) -> Tensor:
        """Inner products with the gradients of other losses by the same variables, float64.

        Returns:
            `[tasks, tasks]`, a row for each of these.
        """
        total = tf.zeros([self._tasks, other._tasks], tf.float64)
        for parts in zip(self._parts, other._parts, strict=True):
            rows, columns = (
                tf.cast(tf.reshape(each, [count, -1]), tf.float64)
                for each, count in zip(_aligned(*parts), (self._tasks, other._tasks), strict=True)
            )
            total += tf.matmul(rows, columns, transpose_b=True)
        return total

    def lengths(self) -> Tensor:
        """Norm of each task's gradient, float64 `[tasks]`."""
        return tf.sqrt(tf.linalg.diag_part(self.gramian()))

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
        if not self._shapes:
            return []
        sizes = [tf.TensorShape(shape).num_elements() for shape in self._shapes]
        parts = tf.split(vector, sizes)
        return [tf.reshape(part, s) for part, s in zip(parts, self._shapes, strict=True)]


def _aligned(one: tuple[Any, Tensor], other: tuple[Any, Tensor]) -> tuple[Tensor, Tensor]:
    """Gradients of one variable, `[tasks, ids, …]` of ids that may be others, by the same ids."""
    (ids, values), (others, further) = one, other
    if ids is None:
        return values, further
    distinct, where = tf.unique(tf.concat([ids, others], 0))
    left, right = tf.split(where, [tf.size(ids), tf.size(others)])
    return tuple(
        tf.stack(
            [tf.math.unsorted_segment_sum(v, place, tf.size(distinct)) for v in tf.unstack(each)]
        )
        for each, place in ((values, left), (further, right))
    )


def _stack(column: Sequence[Any], shape: tuple[int, ...]) -> tuple[Any, Tensor]:
    """One variable's gradients of all tasks in one tensor.

    Returns:
        Distinct ids and values `[tasks, ids, …]`; for a dense gradient None and `[tasks, *shape]`.
    """
    if not all(g is None or isinstance(g, tf.IndexedSlices) for g in column):
        dense = [tf.zeros(shape) if g is None else tf.convert_to_tensor(g) for g in column]
        return None, tf.stack(dense)
    slices = [g for g in column if g is not None]
    # of one type: a tower may look one table up by int32 for one task and by int64 for another
    ids, where = tf.unique(tf.concat([tf.cast(g.indices, tf.int64) for g in slices], 0))
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


def task_gradients(
    tape: tf.GradientTape,
    losses: Mapping[str, Tensor],
    batches: Mapping[str, Batch],
    variables: Sequence[Any],
    heads: Mapping[str, Sequence[Any]],
) -> tuple[list[Any], TaskGradients, list[tuple[int, Any, Any]]]:
    """Each task's gradient, exact: back to the towers' outputs, then through the towers.

    Args:
        tape: Persistent; has seen the losses.
        losses: Of each task.
        batches: That each is of.
        variables: Of the towers.
        heads: By task the variables of heads that its loss may reach.

    Returns:
        The shared variables, which more than one task depends on (or those of the towers, if
        there is one task), of towers first, then of heads; the tasks' gradients by them; and, for
        the variables of one task alone, its position, the variable and the gradient.
    """
    rows = []
    for name, loss in losses.items():
        outputs = batches[name].outputs
        pairs = zip(outputs, tape.gradient(loss, outputs), strict=True)
        reached = [pair for pair in pairs if pair[1] is not None]
        rows.append(
            tape.gradient(
                [output for output, _ in reached],
                variables,
                output_gradients=[cotangent for _, cotangent in reached],
            )
        )
    columns = list(zip(variables, zip(*rows, strict=True), strict=True))
    shared, private = _divided(columns, 2 if len(losses) > 1 else 1)
    in_heads, of_heads = _divided(_head_columns(tape, losses, heads), 2)
    shared += in_heads
    gradients = TaskGradients([c for _, c in shared], len(losses), [v.shape for v, _ in shared])
    return [variable for variable, _ in shared], gradients, of_heads + private


Column = tuple[Any, Sequence[Any]]
"""A variable, and each task's gradient by it: None where there is none."""


def _head_columns(
    tape: tf.GradientTape, losses: Mapping[str, Tensor], heads: Mapping[str, Sequence[Any]]
) -> list[Column]:
    """The gradients by each variable of a head that a loss may reach."""
    columns: dict[Any, tuple[Any, list[Any]]] = {}
    for task, (name, loss) in enumerate(losses.items()):
        reached = tape.gradient(loss, heads[name])
        for variable, gradient in zip(heads[name], reached, strict=True):
            column = columns.setdefault(variable.ref(), (variable, [None] * len(losses)))[1]
            column[task] = gradient
    return list(columns.values())


def _divided(
    columns: Iterable[Column], least: int
) -> tuple[list[Column], list[tuple[int, Any, Any]]]:
    """Columns of which so many tasks have a gradient; of others the task, variable, gradient."""
    shared, private = [], []
    for variable, column in columns:
        tasks = [task for task, gradient in enumerate(column) if gradient is not None]
        if len(tasks) >= least:
            shared.append((variable, column))
        else:
            private += [(task, variable, column[task]) for task in tasks]
    return shared, private


def output_gradients(
    tape: tf.GradientTape,
    losses: Mapping[str, Tensor],
    batches: Mapping[str, Batch],
    heads: Mapping[str, Sequence[Any]],
) -> tuple[Sequence[Tensor], list[Any], TaskGradients, list[tuple[int, Any, Any]]]:
    """Each task's gradient by the towers' outputs, and by the variables that heads share.

    Args:
        tape: Persistent; has seen the losses.
        losses: Of each task.
        batches: That each is of.
        heads: By task the variables of heads that its loss may reach.

    Returns:
        The outputs; the variables of heads that more than one task depends on; the tasks'
        gradients by both; and, for the variables of one head alone, its task's position, the
        variable and the gradient.

    Raises:
        MtbenchError: A tower has an output for each task, or a task has candidates of its own:
            there is no output that they share.
    """
    outputs, *others = (batches[name].outputs for name in losses)
    if any([*map(id, outputs)] != [*map(id, other)] for other in others):
        raise MtbenchError(
            "gradients at the towers' outputs: expected towers with one output for all tasks, and "
            "no task whose candidates are shuffled"
        )
    zero = tf.UnconnectedGradients.ZERO
    rows = [
        # dense: of a gather alone they come as slices, whose shape the graph does not know
        [
            tf.zeros_like(output) + gradient
            for output, gradient in zip(
                outputs, tape.gradient(loss, outputs, unconnected_gradients=zero), strict=True
            )
        ]
        for loss in losses.values()
    ]
    shared, private = _divided(_head_columns(tape, losses, heads), 2)
    columns = [*zip(*rows, strict=True), *(column for _, column in shared)]
    shapes = [output.shape for output in outputs] + [variable.shape for variable, _ in shared]
    gradients = TaskGradients(columns, len(losses), shapes)
    return outputs, [variable for variable, _ in shared], gradients, private


def add(gradients: Iterable[Any]) -> Any:
    """Sum of gradients of one variable, any of them None."""
    present = [gradient for gradient in gradients if gradient is not None]
    return (
        tf.add_n([tf.convert_to_tensor(g) for g in present])
        if len(present) > 1
        else (present[0] if present else None)
    )


def add_rows(gradients: Sequence[Any]) -> Any:
    """As `add`, but rows of a table stay rows, a row of each gradient on its own."""
    if len(gradients) > 1 and all(isinstance(each, tf.IndexedSlices) for each in gradients):
        values = tf.concat([each.values for each in gradients], 0)
        ids = tf.concat([each.indices for each in gradients], 0)
        return tf.IndexedSlices(values, ids, gradients[0].dense_shape)
    return add(gradients)


def multiply(weight: Tensor, gradient: Any) -> Any:
    """A gradient multiplied by a number."""
    if isinstance(gradient, tf.IndexedSlices):
        return tf.IndexedSlices(weight * gradient.values, gradient.indices, gradient.dense_shape)
    return weight * gradient
