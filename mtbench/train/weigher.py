"""A built strategy, and what it makes of a step."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from mtbench.plugin.task import Task
from mtbench.plugin.weighting import (
    BatchesWeighting,
    GradientWeighting,
    GramianWeighting,
    LossWeighting,
    Weighting,
)

from .forms import Weighed, build, dense, flat, slopes_after, weigh
from .gradients import TaskGradients
from .independent import Formed, Products
from .some import MOST_SUBSETS, Some, subsets_without

Tensor = Any


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
        self.strategy = build(weighting, tasks, sizes)
        self.variables: list[Any] = []
        self._may_lack = tuple(may_lack)
        names = list(tasks)
        self._some = [
            Some(
                weighting.name,
                self.strategy,
                build(weighting, {names[i]: tasks[names[i]] for i in subset}, sizes),
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
    def several(self) -> BatchesWeighting | None:
        """The strategy's component, if it is one of several batches."""
        return self._weighting if isinstance(self._weighting, BatchesWeighting) else None

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
        return self._weigh(losses, given, present)

    def weigh_batches(
        self,
        losses: Tensor,
        products: Callable[[int, int], Tensor],
        present: Tensor | None = None,
    ) -> Weighed:
        """Weigh the tasks of a step of several batches.

        Args:
            losses: float32 `[batches, tasks]`, or a row more.
            products: Gives the inner products of two batches' gradients.
            present: Which tasks every batch has something of, bool `[tasks]`; default: all.
        """
        return self._weigh(losses, products, present)

    def try_out(self, formed: Formed) -> None:
        """Let the strategy make something of a step, with the same numbers for every batch."""
        if not self.several:
            self(formed.losses, formed.gradients)
            return
        strategy = self.several
        extra = bool(strategy.ahead and strategy.ahead.of == "losses")
        if strategy.ahead:
            self.step_ahead()
        losses = tf.stack([formed.losses] * (strategy.batches + extra))
        self.weigh_batches(losses, Products([formed] * strategy.batches, strategy.weighs_heads))

    def step_ahead(self, present: Tensor | None = None) -> Tensor:
        """What weighs the tasks in a step that is made to look, float32 `[tasks]`; 0 if absent."""

        def everything() -> Tensor:
            return tf.cast(self.strategy.step_ahead(), tf.float32)

        def of(some: Some) -> Callable[[], Tensor]:
            def branch() -> Tensor:
                some.load()
                return some.spread(tf.cast(some.strategy.step_ahead(), tf.float32))

            return branch

        if present is None or not self._some:
            return everything()
        branches = [everything, *map(of, self._some), lambda: tf.zeros([self._tasks])]
        return self._switch(present, branches)

    def _weigh(self, losses: Tensor, given: Any, present: Tensor | None) -> Weighed:
        if present is None or not self._some:
            return weigh(self._weighting, self.strategy, self.variables, losses, given)

        def everything() -> tuple[Tensor, ...]:
            weighed = weigh(self._weighting, self.strategy, self.variables, losses, given)
            return flat(weighed, self.variables)

        def of(some: Some) -> Callable[[], tuple[Tensor, ...]]:
            return lambda: self._weigh_some(some, losses, given)

        def nothing() -> tuple[Tensor, ...]:
            none = tf.zeros_like(losses)
            if self.several:
                none = none[: self.several.batches if self.several.weighs_all else 1]
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
            return slopes_after(self.strategy, self.variables, before, after)

        def everything() -> list[Tensor]:
            slopes = slopes_after(self.strategy, self.variables, before, after)
            return dense(slopes, self.variables)

        def of(some: Some) -> Callable[[], list[Tensor]]:
            def branch() -> list[Tensor]:
                some.load()
                around = some.of(before), some.of(after)
                slopes = dense(slopes_after(some.strategy, some.trainable, *around), some.trainable)
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

    def _weigh_some(self, some: Some, losses: Tensor, given: Any) -> tuple[Tensor, ...]:
        """`weigh` by the strategy of some tasks, spread over all."""
        some.load()
        tasks = 1 if self.several else 0  # the dimension that is of tasks

        def block(gramian: Tensor) -> Tensor:
            return some.of(some.of(gramian), axis=1)

        part = given
        if self.several:
            part = lambda one, other: block(given(one, other))  # noqa: E731
        elif isinstance(self._weighting, GradientWeighting):
            part = some.of(given)
        elif given is not None:
            part = block(given)
        of_some = some.of(losses, axis=tasks)
        weighed = weigh(self._weighting, some.strategy, some.trainable, of_some, part)
        some.store()
        heads, shared, *own = flat(weighed, some.trainable)
        if weighed.weights is not None:
            shared = some.spread(shared, (tasks,))
        return (some.spread(heads, (tasks,)), shared, *some.spread_slopes(own))
