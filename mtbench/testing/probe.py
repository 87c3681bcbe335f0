"""A strategy applied to given losses and gradients, without a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from mtbench.plugin.weighting import BatchesWeighting, Weighting
from mtbench.train.gradients import TaskGradients
from mtbench.train.independent import Formed, Products
from mtbench.train.state import state_of, variables_of
from mtbench.train.weigher import Weigher

from .tiny import TinyTask


@dataclass(frozen=True)
class Applied:
    """What a strategy made of some steps."""

    updates: np.ndarray
    """Gradient of the shared parameters, float64 `[steps, parameters]`."""
    weights: np.ndarray
    """Weight of each task, float64 `[steps, tasks]`; for a strategy that makes a gradient the
    coefficients that come nearest to it."""


class Probe:
    """A built strategy that is given losses and gradients.

    Args:
        weighting: The strategy.
        tasks: Number of tasks, which are regressions.
        sizes: Number of elements of each shared variable.
        traced: Make a graph of its step, which is worth it for many steps.
        may_lack: Some steps may be without some of the tasks.

    Attributes:
        state: The strategy's variables.
        variables: Those of them that are trainable.
    """

    def __init__(
        self,
        weighting: Weighting,
        tasks: int,
        sizes: Sequence[int],
        traced: bool = False,
        may_lack: bool = False,
    ) -> None:
        self._tasks, self._sizes = tasks, list(sizes)
        made_up = {f"task_{i}": TinyTask() for i in range(tasks)}
        self._weigher = Weigher(weighting, made_up, sizes, range(tasks) if may_lack else ())
        self.state = variables_of(state_of(self._weigher.strategy))
        self._initial = [variable.numpy() for variable in self.state]
        self.variables = [variable for variable in self.state if variable.trainable]
        self._weigher.variables = self.variables
        self._step, self._after = self._weigh, self._weigher.after_step
        if traced:  # as the model does, in a graph
            self._step, self._after = (
                tf.function(each, autograph=False) for each in (self._step, self._after)
            )

    def reset(self) -> None:
        """Forget all steps."""
        for variable, value in zip(self.state, self._initial, strict=True):
            variable.assign(value)

    def run(
        self,
        losses: np.ndarray,
        gradients: np.ndarray,
        *,
        epochs: Sequence[int] | None = None,
        after: np.ndarray | None = None,
        learning_rate: float = 0.1,
        present: np.ndarray | None = None,
    ) -> Applied:
        """Make some steps; see `apply`."""
        epochs = [0] * len(losses) if epochs is None else epochs
        after = np.concatenate([losses[1:], losses[-1:]]) if after is None else after
        there = np.ones(losses.shape, bool) if present is None else present
        losses, after = np.where(there, losses, 0.0), np.where(there, after, 0.0)
        several = self._weigher.several
        if several and gradients.ndim == 3:
            rolled = [np.roll(gradients, -number, 0) for number in range(several.batches)]
            gradients = np.stack([0.2 * gradients + 0.8 * other for other in rolled], 1)
        shape = [len(there), *[1] * (gradients.ndim - 3), self._tasks, 1]
        gradients = np.where(there.reshape(shape), gradients, 0.0)
        updates, weights = [], []
        for step, (loss, matrix, later) in enumerate(zip(losses, gradients, after, strict=True)):
            if step and epochs[step] != epochs[step - 1]:
                rows = [i for i in range(step) if epochs[i] == epochs[step - 1]]
                steps = there[rows].sum(0)
                means = losses[rows].sum(0) / np.maximum(steps, 1)
                self._weigher.epoch_ended(_f32(means), (steps > 0).tolist())
            now = () if present is None else (tf.constant(present[step]),)
            given = np.stack([loss, later]) if several else loss
            update, coefficients, slopes = self._step(_f32(given), _f32(matrix), *now)
            updates.append(np.asarray(update, float))
            if coefficients is None:
                coefficients = np.linalg.lstsq(matrix.T, updates[-1], rcond=1e-6)[0]
            weights.append(np.asarray(coefficients, float))
            self._descend(slopes, learning_rate)
            if hasattr(self._weigher.strategy, "after_step"):
                self._descend(self._after(_f32(loss), _f32(later), *now), learning_rate)
        return Applied(np.array(updates), np.array(weights))

    def _weigh(self, losses: Any, matrix: Any, present: Any = None) -> tuple[Any, Any, list[Any]]:
        """Update, weights if there are any, and gradients of the strategy's own variables."""
        several = self._weigher.several
        if several:
            return self._weigh_batches(several, losses, tf.unstack(matrix), present)
        formed = self._formed(matrix)
        weighed = self._weigher(losses, formed, present)
        if weighed.weights is None:
            return weighed.update, None, weighed.own
        return tf.concat(formed.combine(weighed.weights), 0), weighed.weights, weighed.own

    def _weigh_batches(
        self, strategy: BatchesWeighting, losses: Any, matrices: Sequence[Any], present: Any
    ) -> tuple[Any, Any, list[Any]]:
        """`_weigh` of several batches, with gradients that are the same wherever one looks."""
        now, later = tf.unstack(losses)
        formed = [Formed(now, present, (), self._formed(matrix), ()) for matrix in matrices]
        rows = [now] * len(formed)
        if strategy.ahead:
            self._weigher.step_ahead(present)
            rows += [later] if strategy.ahead.of == "losses" else []
        products = Products(formed, strategy.weighs_heads)
        made = self._weigher.weigh_batches(tf.stack(rows), products, present)
        parts = zip(formed, tf.unstack(made.weights), strict=False)
        update = tf.add_n([tf.concat(f.gradients.combine(w), 0) for f, w in parts])
        return update, tf.reduce_sum(made.weights, 0), made.own

    def _formed(self, matrix: Any) -> TaskGradients:
        """A matrix `[tasks, parameters]` by the variables."""
        columns = [tf.unstack(part) for part in tf.split(matrix, self._sizes, axis=1)]
        shapes = [tf.TensorShape([size]) for size in self._sizes]
        return TaskGradients(columns, self._tasks, shapes)

    def _descend(self, slopes: Sequence[Any], learning_rate: float) -> None:
        for variable, slope in zip(self.variables, slopes, strict=True):
            if slope is not None:
                variable.assign_sub(learning_rate * tf.convert_to_tensor(slope))


def apply(
    weighting: Weighting,
    losses: np.ndarray,
    gradients: np.ndarray,
    *,
    sizes: Sequence[int] | None = None,
    **more: Any,
) -> Applied:
    """Let a strategy make some steps from its fresh state.

    Args:
        weighting: The strategy.
        losses: `[steps, tasks]`.
        gradients: `[steps, tasks, parameters]`; of a strategy of several batches also
            `[steps, batches, tasks, parameters]`, else those of its further batches are a fifth
            its own and four fifths those of steps that follow. Losses are the same in all of them.
        sizes: Number of elements of each shared variable; default: one variable.
        more: `epochs`: of each step, counted from 0; default: all in one. `after`: losses of the
            same batch after the step, or ahead, `[steps, tasks]`; default: those of the next step.
            `learning_rate`: of the strategy's own variables, which go down their gradient;
            default: 0.1. `present`: which tasks a step has labels of, bool `[steps, tasks]`;
            default: all.
    """
    *_, tasks, parameters = gradients.shape
    may_lack = more.get("present") is not None
    probe = Probe(weighting, tasks, sizes or [parameters], may_lack=may_lack)
    return probe.run(losses, gradients, **more)


def _f32(values: np.ndarray) -> Any:
    return tf.constant(values, tf.float32)
