"""A built strategy, and what it makes of a step."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from mtbench.plugin.task import Task
from mtbench.plugin.weighting import GradientWeighting, GramianWeighting, LossWeighting, Weighting

from .gradients import TaskGradients, add
from .some import MOST_SUBSETS, Some, subsets_without

Tensor = Any


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

    In a step that has nothing of a task to learn from, the strategy of the other tasks is asked,
    with their part of the state (`Some`): an absent task is no task with a loss of 0.

    Args:
        weighting: The strategy.
        tasks: The trained tasks.
        sizes: Number of elements of each shared variable.
        may_lack: Positions of the tasks of which a step may have nothing.

    Attributes:
        strategy: What the strategy's `build` returned.
        variables: The trainable variables of the strategy; empty until they are set.

    Raises:
        MtbenchError: The state of some of the tasks is no part of that of all.
    """

    def __init__(
        self,
        weighting: Weighting,
        tasks: Mapping[str, Task],
        sizes: Sequence[int],
        may_lack: Sequence[int] = (),
    ) -> None:
        self._weighting, self._tasks = weighting, len(tasks)
        self.strategy = _build(weighting, tasks, sizes)
        self.variables: list[Any] = []
        self._may_lack = tuple(may_lack)
        names = list(tasks)
        self._some = [
            Some(
                weighting.name,
                self.strategy,
                _build(weighting, {names[i]: tasks[names[i]] for i in subset}, sizes),
                subset,
                len(tasks),
            )
            for subset in subsets_without(self._may_lack, len(tasks))
        ]

    @property
    def needs_gradients(self) -> bool:
        """Whether it has to be given gradients."""
        return not isinstance(self._weighting, LossWeighting)

    @property
    def at_outputs(self) -> bool:
        """Whether the gradients are to be those by the towers' outputs."""
        return isinstance(self._weighting, GramianWeighting) and self._weighting.at_outputs

    @property
    def scratch(self) -> list[Any]:
        """Variables that are set before they are read, in every step."""
        return [variable for some in self._some for variable in some.variables]

    def __call__(
        self, losses: Tensor, gradients: TaskGradients | None = None, present: Tensor | None = None
    ) -> Weighed:
        """Weigh the tasks of a step.

        Args:
            losses: Of each task, float32 `[tasks]`.
            gradients: Of each task, where `needs_gradients`.
            present: Which tasks the step has something of, bool `[tasks]`; default: all.
        """
        given = None
        if gradients is not None and self.needs_gradients:
            by_gradient = isinstance(self._weighting, GradientWeighting)
            given = gradients.matrix() if by_gradient else gradients.gramian()
        if present is None or not self._some:
            return self._weigh(self.strategy, self.variables, losses, given)

        def everything() -> tuple[Tensor, ...]:
            weighed = self._weigh(self.strategy, self.variables, losses, given)
            return _flat(weighed, self.variables)

        def of(some: Some) -> Callable[[], tuple[Tensor, ...]]:
            return lambda: self._weigh_some(some, losses, given)

        def nothing() -> tuple[Tensor, ...]:
            none = tf.zeros_like(losses)
            by_gradient = isinstance(self._weighting, GradientWeighting)
            shared = none if given is None or not by_gradient else tf.zeros_like(given[0])
            return (none, shared, *map(tf.zeros_like, self.variables))

        branches = [everything, *map(of, self._some), nothing]
        heads, shared, *own = self._switch(present, branches)
        if given is not None and isinstance(self._weighting, GradientWeighting):
            return Weighed(heads, None, shared, own)
        return Weighed(heads, shared, None, own)

    def after_step(self, before: Tensor, after: Tensor, present: Tensor | None = None) -> list[Any]:
        """Gradients of the strategy's trainable variables, from the losses around a step."""
        if present is None or not self._some:
            return _after(self.strategy, self.variables, before, after)

        def everything() -> list[Tensor]:
            slopes = _after(self.strategy, self.variables, before, after)
            return _dense(slopes, self.variables)

        def of(some: Some) -> Callable[[], list[Tensor]]:
            def branch() -> list[Tensor]:
                some.load()
                around = some.of(before), some.of(after)
                slopes = _dense(_after(some.strategy, some.trainable, *around), some.trainable)
                some.store()
                return some.spread_slopes(slopes)

            return branch

        branches = [everything, *map(of, self._some), lambda: [*map(tf.zeros_like, self.variables)]]
        return list(self._switch(present, branches))

    def epoch_ended(self, losses: Tensor, present: Sequence[bool]) -> None:
        """Tell the strategy each task's mean loss of an epoch, where it asks for that.

        Args:
            losses: float32 `[tasks]`.
            present: Which tasks the epoch had something of.
        """
        if not hasattr(self.strategy, "epoch_ended"):
            return
        if all(present):
            self.strategy.epoch_ended(losses)
            return
        for some in self._some:
            if some.positions == tuple(i for i, there in enumerate(present) if there):
                some.load()
                some.strategy.epoch_ended(some.of(losses))
                some.store()

    def hold(self, before: Sequence[Tensor], present: Tensor) -> None:
        """Undo what a step of an optimizer made of the absent tasks' part of the variables.

        Args:
            before: The values of `variables` before it.
            present: bool `[tasks]`.
        """
        if self._some:
            for variable, old, axes in zip(
                self.variables, before, self._some[0].trainable_axes, strict=True
            ):
                there = tf.ones(variable.shape, tf.bool)
                for axis in axes:
                    shape = [1] * len(variable.shape)
                    shape[axis] = self._tasks
                    there &= tf.reshape(present, shape)
                variable.assign(tf.where(there, variable, old))

    def _switch(self, present: Tensor, branches: Sequence[Callable[[], Any]]) -> Any:
        """The branch of the tasks that are there: of all, of each of `_some`, of none."""
        number_of = {some.positions: number for number, some in enumerate(self._some, 1)}
        number_of |= {tuple(range(self._tasks)): 0, (): len(self._some) + 1}
        table = [
            number_of.get(tuple(i for i in range(self._tasks) if i not in lacking), -1)
            for lacking in (
                {task for task, lacks in zip(self._may_lack, which, strict=True) if lacks}
                for which in itertools.product((False, True), repeat=len(self._may_lack))
            )
        ]
        code = tf.constant(0)
        for task in self._may_lack:  # the first is the highest digit, as in `product`
            code = 2 * code + tf.cast(~present[task], tf.int32)
        number = tf.gather(tf.constant(table), code)
        if -1 in table:
            few = f"a step lacks labels of too many tasks ({MOST_SUBSETS} sets of them are built)"
            with tf.control_dependencies(
                [tf.debugging.assert_non_negative(number, f"{few}: use a larger batch_size")]
            ):
                number = tf.identity(number)
        return tf.switch_case(number, list(branches))

    def _weigh_some(self, some: Some, losses: Tensor, given: Tensor | None) -> tuple[Tensor, ...]:
        """`_weigh` by the strategy of some tasks, spread over all."""
        some.load()
        if given is not None:
            given = some.of(given)
            if not isinstance(self._weighting, GradientWeighting):
                given = some.of(given, axis=1)
        weighed = self._weigh(some.strategy, some.trainable, some.of(losses), given)
        some.store()
        heads, shared, *own = _flat(weighed, some.trainable)
        if weighed.weights is not None:
            shared = some.spread(shared)
        return (some.spread(heads), shared, *some.spread_slopes(own))

    def _weigh(
        self, strategy: Any, variables: Sequence[Any], losses: Tensor, given: Tensor | None
    ) -> Weighed:
        """What a strategy makes of losses, and of a Gramian or gradients where it asks for them."""
        if given is None:
            with tf.GradientTape() as tape:
                tape.watch(losses)
                loss = strategy(losses)
            weights, own = tape.gradient(loss, [losses, list(variables)])
            weights = tf.zeros_like(losses) if weights is None else tf.convert_to_tensor(weights)
            return Weighed(weights, weights, None, own)
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(losses)
            scaled = getattr(strategy, "scale", lambda x: x)(losses)
        factors = tape.gradient(scaled, losses)
        own = tape.gradient(scaled, list(variables))
        if isinstance(self._weighting, GradientWeighting):
            return Weighed(factors, None, strategy(scaled, factors[:, None] * given), own)
        double = tf.cast(factors, tf.float64)
        gramian = double[:, None] * given * double
        with tf.GradientTape() as tape:
            weighed = strategy(tf.cast(scaled, tf.float64), gramian)
        weights = weighed
        if isinstance(weighed, tuple):
            weights, objective = weighed
            further = tape.gradient(objective, list(variables))
            own = [add(pair) for pair in zip(own, further, strict=True)]
        weights = factors * tf.cast(weights, tf.float32)
        weighs_heads = getattr(self._weighting, "weighs_heads", False)
        return Weighed(weights if weighs_heads else factors, weights, None, own)


def _build(weighting: Weighting, tasks: Mapping[str, Task], sizes: Sequence[int]) -> Any:
    """What the strategy's `build` returns for these tasks.

    Raises:
        TypeError: It is of no form that we know.
    """
    if isinstance(weighting, GradientWeighting):
        return weighting.build(tasks, sizes)
    if isinstance(weighting, GramianWeighting | LossWeighting):
        return weighting.build(tasks)
    raise TypeError(
        f"weighting {weighting.name!r}: expected a LossWeighting, GramianWeighting or "
        f"GradientWeighting, found {type(weighting).__name__}"
    )


def _after(strategy: Any, variables: Sequence[Any], before: Tensor, after: Tensor) -> list[Any]:
    with tf.GradientTape() as tape:
        objective = strategy.after_step(before, after)
    return list(tape.gradient(objective, list(variables)))


def _dense(slopes: Sequence[Any], variables: Sequence[Any]) -> list[Tensor]:
    """Gradients of variables as tensors, 0 where there is none: a branch returns what others do."""
    return [
        tf.zeros_like(variable) if slope is None else tf.convert_to_tensor(slope)
        for slope, variable in zip(slopes, variables, strict=True)
    ]


def _flat(weighed: Weighed, variables: Sequence[Any]) -> tuple[Tensor, ...]:
    """Heads' weights, shared weights or update, and the dense gradients of the variables."""
    shared = weighed.update if weighed.weights is None else weighed.weights
    return (weighed.heads, shared, *_dense(weighed.own, variables))
