"""A look at how the trained tasks bear on each other, beside the steps of a run and without effect.

Two questions are asked of a batch, with the parameters that the step on it starts from:

- How do the tasks' gradients by the shared parameters lie to each other, and how would they if two
  tasks were one? In high dimensions two directions that have nothing to do with each other have a
  cosine near 0, and so have two noisy estimates of one direction. So the batch is halved, and each
  task's gradient on one half is held against each task's on the other: its own among them, which is
  the null that the others are read by.
- What would a step on one task's loss alone do to the other's (inter-task affinity)?

All variables that a look touches are put back, so that a run has the same bits with it and without.
"""

from __future__ import annotations

import contextlib
import itertools
import random
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from .feed import Feed
from .model import MultiTaskModel

Tensor = Any


@contextlib.contextmanager
def _same_random_state() -> Iterator[None]:
    """Put back what Python and NumPy draw random numbers from."""
    state = random.getstate(), np.random.get_state()  # noqa: NPY002 - a plugin may use it
    try:
        yield
    finally:
        random.setstate(state[0])
        np.random.set_state(state[1])  # noqa: NPY002


class Look:
    """Looks at some steps of a model's training, and keeps the means of an epoch.

    Affinity of task i for task j (Fifty et al., NeurIPS 2021, eq. 1):
    Z_ij = 1 − L_j(θ_i) / L_j(θ_0), where θ_i are the shared parameters after a step on L_i alone,
    by the run's optimizer in the state it is in, and both losses are of the batch of that step.
    θ_0 are the parameters after a step of a gradient of 0. For plain gradient descent that is where
    they were, as there; what momentum and weight decay do by themselves is no task's. Numbers that
    are drawn from variables (`mtbench.kit.Draws`) are those of the step in all of these losses;
    those of an operation that draws by itself, such as Keras' dropout, are others: noise.

    Args:
        model: A model of several tasks with a strategy, compiled.
        feed: What it is fed.
        every: Number of steps from one look to the next.

    Attributes:
        model: The model.
        spent: Seconds that looks have taken, which are no part of training.
    """

    def __init__(self, model: MultiTaskModel, feed: Feed, every: int) -> None:
        self.model, self._feed, self._every = model, feed, every
        self._tasks = model.trained
        columns = {name: tf.TensorSpec([None], dtype) for name, dtype in feed.types.items()}
        weights = tf.TensorSpec([len(self._tasks)], tf.float32)
        self._halves = _traced(self._compare_halves, columns)
        self._step = _traced(self._step_on, columns, weights)
        self._losses = _traced(self._losses_of, columns)
        self._shared: list[Any] = []
        self._touched: list[Any] = []
        self.start()

    def start(self) -> None:
        """Begin with the first step of a run."""
        self._steps, self.spent = 0, 0.0
        self._seen: dict[str, list[np.ndarray]] = {}

    def before(self, epoch: int, step: int) -> None:
        """Look at a step that is about to be made, if it is one's turn.

        Args:
            epoch: Its epoch, counted from 0.
            step: Its number in the epoch, counted from 0.
        """
        self._steps += 1
        if self._steps % self._every:
            return
        started = time.perf_counter()
        columns = self._feed.batch(epoch, step)
        if len(columns["query"]) > 1:  # else it has no halves
            self._note(*self._look(columns))
        self.spent += time.perf_counter() - started

    @_same_random_state()
    def _look(self, rows: Mapping[str, np.ndarray]) -> tuple[np.ndarray, ...]:
        """What there is to see of a batch; every variable is as before at the end."""
        types = self._feed.types
        columns = {name: tf.constant(column, types[name]) for name, column in rows.items()}
        if not self._touched:
            functions = (self._halves, self._step, self._losses)
            graphs = [each.get_concrete_function().graph for each in functions]
            unique = {v.ref(): v for graph in graphs for v in graph.variables}
            self._touched = list(unique.values())
        before = [variable.numpy() for variable in self._touched]
        shared = {variable.ref() for variable in self._shared}

        def restore(but_for: Collection[Any] = ()) -> None:
            for variable, value in zip(self._touched, before, strict=True):
                if variable.ref() not in but_for:
                    variable.assign(value)

        try:
            halves = [value.numpy() for value in self._halves(columns)]
            restore()
            ahead = []
            for only in np.eye(len(self._tasks) + 1, len(self._tasks), k=-1, dtype=np.float32):
                restore()
                lengths = self._step(columns, tf.constant(only)).numpy()
                restore(but_for=shared)  # so that a head draws the same negatives again
                ahead.append(self._losses(columns).numpy())
        finally:
            restore()
        return (*halves, lengths, *np.split(np.stack(ahead), [1]))

    def _note(
        self,
        inner: np.ndarray,
        first: np.ndarray,
        second: np.ndarray,
        lengths: np.ndarray,
        drifted: np.ndarray,
        ahead: np.ndarray,
    ) -> None:
        """Keep what was found; NaN stands for what cannot be told.

        Args:
            inner: Inner products of both halves' gradients, `[tasks, tasks]`.
            first: Lengths in the first half, `[tasks]`, as `second` in the other.
            second: Those.
            lengths: In the whole batch.
            drifted: Losses after a step of nothing, `[1, tasks]`.
            ahead: Losses after a step on each task, `[tasks, tasks]`.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            cosines = inner / first[:, None] / second
            conflicts = np.where(np.isfinite(cosines), cosines < 0, np.nan)
            ratios = np.log(lengths[:, None]) - np.log(lengths)
            affinity = np.where(drifted > 0, 1 - ahead / drifted, np.nan)
        affinity[~(lengths > 0)] = np.nan  # a step on a task that the batch has nothing of
        for name, values in (
            ("half_cosines", (cosines + cosines.T) / 2),
            ("half_conflicts", (conflicts + conflicts.T) / 2),
            ("norm_ratios", ratios),
            ("affinity", affinity),
        ):
            self._seen.setdefault(name, []).append(np.where(np.isfinite(values), values, np.nan))

    def result(self) -> dict[str, Any]:
        """Return the means over the steps looked at since the last call, and begin anew.

        Returns:
            `half_cosines` and `half_conflicts`, the share of negative ones, by `task|task`, a task
            with itself among them; `norm_ratios`, the geometric mean of the length of the first
            task's gradient by that of the second's; and `affinity` by `task>task`, of a step on the
            first for the second. What no step could tell is left out.
        """
        means = {name: _mean(values) for name, values in self._seen.items()}
        self._seen = {}
        if not means:
            return {}
        size = range(len(self._tasks))
        own = [*itertools.combinations_with_replacement(size, 2)]
        pairs = [*itertools.combinations(size, 2)]
        return {
            "half_cosines": self._by_pair(means["half_cosines"], own),
            "half_conflicts": self._by_pair(means["half_conflicts"], own),
            "norm_ratios": self._by_pair(np.exp(means["norm_ratios"]), pairs),
            "affinity": self._by_pair(means["affinity"], [*itertools.product(size, size)], ">"),
        }

    def _by_pair(
        self, values: np.ndarray, pairs: list[tuple[int, int]], sign: str = "|"
    ) -> dict[str, float]:
        return {
            f"{self._tasks[i]}{sign}{self._tasks[j]}": float(values[i, j])
            for i, j in pairs
            if np.isfinite(values[i, j])
        }

    # -- what is traced ----------------------------------------------------------------------------

    def _compare_halves(self, columns: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        """Inner products of the halves' gradients, `[tasks, tasks]`, and the lengths in each."""
        half = tf.size(columns["query"]) // 2
        parts = [
            {name: column[start : start + half] for name, column in columns.items()}
            for start in (0, half)
        ]
        first, second = (self.model.formed(part).gradients for part in parts)
        return first.inner(second), first.lengths(), second.lengths()

    def _step_on(self, columns: Mapping[str, Tensor], weights: Tensor) -> Tensor:
        """Make a step of the shared parameters on a weighted sum of losses.

        Returns:
            The length of each task's gradient, `[tasks]`.
        """
        formed = self.model.formed(columns)
        self._shared = list(formed.shared)
        lengths = formed.gradients.lengths()
        self.model.optimization.apply(formed.gradients.combine(weights), self._shared)
        return lengths

    def _losses_of(self, columns: Mapping[str, Tensor]) -> Tensor:
        """Each task's loss, as in a step, `[tasks]`."""
        return tf.stack(list(self.model.losses_by_task(columns, training=True).values()))


def _traced(function: Callable[..., Any], *specs: Any) -> Any:
    """As Keras traces a step: AutoGraph does not reach a plugin's code."""
    return tf.function(function, input_signature=specs, autograph=False)


def _mean(values: list[np.ndarray]) -> np.ndarray:
    """Mean over steps of each element, of those that are numbers; NaN where none is."""
    stacked = np.stack(values)
    there = np.isfinite(stacked)
    with np.errstate(invalid="ignore"):
        mean: np.ndarray = np.where(there, stacked, 0).sum(0) / there.sum(0)
    return mean
