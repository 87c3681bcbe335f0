"""What a strategy of several batches is handed in a step, and a look ahead that leaves no trace."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import tensorflow as tf

from mtbench.plugin.weighting import Ahead

from .gradients import TaskGradients, add_rows, multiply
from .updates import distinct

Tensor = Any
Columns = Mapping[str, Tensor]


@dataclass(frozen=True)
class Formed:
    """Each task's loss of a batch and its gradient, T tasks."""

    losses: Tensor
    """float32 `[T]`."""
    present: Tensor | None
    """Which tasks the batch has an example of, bool `[T]`; None where all always have."""
    shared: Sequence[Any]
    """The variables that several tasks depend on."""
    gradients: TaskGradients
    """By these."""
    private: Sequence[tuple[int, Any, Any]]
    """Of the variables of one task its position, the variable and the gradient."""

    def own(self) -> TaskGradients:
        """Return the gradients by the variables of one task alone."""
        tasks = int(self.losses.shape[0])
        columns = [[g if i == task else None for i in range(tasks)] for task, _, g in self.private]
        return TaskGradients(columns, tasks, [variable.shape for _, variable, _ in self.private])

    def slopes(self, weights: Tensor) -> list[tuple[Any, Any]]:
        """Return Σ w_i ∇L_i for weights `[T]`, with the variable that each part is by."""
        shared = zip(self.gradients.combine(weights), self.shared, strict=True)
        return [*shared, *((multiply(weights[task], g), v) for task, v, g in self.private)]


class Products:
    """Inner products of gradients of several batches, made when they are asked for.

    Args:
        formed: The batches.
        whole: Whether the variables of one task alone count too.
    """

    def __init__(self, formed: Sequence[Formed], whole: bool) -> None:
        self._parts = [[each.gradients, *([each.own()] if whole else [])] for each in formed]

    def __call__(self, one: int, other: int) -> Tensor:
        """Those of batch `one` with those of batch `other`, float64 `[T, T]`."""
        pairs = zip(self._parts[one], self._parts[other], strict=True)
        return tf.add_n([a.gramian() if a is b else a.inner(b) for a, b in pairs])


class Learner(Protocol):
    """What of a model is asked here."""

    def formed(self, columns: Columns) -> Formed:
        """Each task's loss of a batch and its gradient."""

    def slopes(self, columns: Columns, weights: Tensor) -> list[tuple[Any, Any]]:
        """Σ w_i ∇L_i of a batch, with the variable that each part is by."""

    def losses_by_task(self, columns: Columns, training: bool) -> dict[str, Tensor]:
        """Each task's loss of a batch."""


class _Excursion:
    """Variables that are moved, and put back bit by bit."""

    def __init__(self) -> None:
        self._before: list[tuple[Any, Any, Tensor]] = []

    def descend(self, slopes: Iterable[tuple[Any, Any]]) -> None:
        """Subtract a gradient from each variable: of tables, from the rows that it has."""
        for gradient, variable in slopes:
            if isinstance(gradient, tf.IndexedSlices):
                rows = distinct(gradient)
                self._before.append((variable, rows.indices, tf.gather(variable, rows.indices)))
                variable.scatter_sub(rows)
            elif gradient is not None:
                self._before.append((variable, None, tf.identity(variable)))
                variable.assign_sub(gradient)

    def undo(self) -> None:
        """Put back what was there."""
        for variable, ids, values in reversed(self._before):
            if ids is None:
                variable.assign(values)
            else:
                variable.scatter_update(tf.IndexedSlices(values, ids))


def form_all(
    model: Learner,
    first: Formed,
    columns: Sequence[Columns],
    ahead: Ahead | None,
    step_ahead: Callable[[], Tensor],
) -> tuple[list[Formed], Tensor]:
    """Form the losses and gradients of all batches of a step.

    Args:
        model: Forms them, with the parameters that it has.
        first: Those of the first.
        columns: Of all batches.
        ahead: The look ahead.
        step_ahead: Gives the weights of its steps, float32 `[T]`.

    Returns:
        The batches, and their losses, float32 `[batches, T]`, with a row for losses ahead.
    """

    def form() -> list[Formed]:
        return [first, *map(model.formed, columns[1:])]

    batches = [] if ahead and ahead.of == "gradients" else form()
    ends = []
    if ahead:
        trip, weights = _Excursion(), step_ahead()
        trip.descend(first.slopes(weights))
        for _ in range(1, ahead.steps):
            trip.descend(model.slopes(columns[0], weights))
        if ahead.of == "gradients":
            batches = form()
        else:
            ends = [tf.stack(list(model.losses_by_task(columns[0], training=True).values()))]
        trip.undo()
    return batches, tf.stack([*(each.losses for each in batches), *ends])


def weighed(formed: Sequence[Formed], heads: Tensor, weights: Tensor) -> dict[Any, Any]:
    """Σ_b Σ_i w_bi g_bi of the batches that are weighed, by reference of the variable.

    Args:
        formed: All batches.
        heads: Weights of each task for the parameters of its own, `[weighed, T]`.
        weights: For those that are shared, `[weighed, T]`.
    """
    by_variable: dict[Any, list[Any]] = {}
    for each, own, of_shared in zip(formed, tf.unstack(heads), tf.unstack(weights), strict=False):
        for gradient, variable in zip(each.gradients.combine(of_shared), each.shared, strict=True):
            by_variable.setdefault(variable.ref(), []).append(gradient)
        for task, variable, gradient in each.private:
            by_variable.setdefault(variable.ref(), []).append(multiply(own[task], gradient))
    return {ref: add_rows(gradients) for ref, gradients in by_variable.items()}


def all_present(formed: Iterable[Formed]) -> Tensor | None:
    """Which tasks every batch has an example of, bool `[T]`; None where all always have."""
    told = [each.present for each in formed if each.present is not None]
    return tf.reduce_all(tf.stack(told), 0) if told else None
