"""A built strategy, and what it makes of a step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from mtbench.plugin.task import Task
from mtbench.plugin.weighting import GradientWeighting, GramianWeighting, LossWeighting, Weighting

from .gradients import TaskGradients, add

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
            weighed = self.strategy(tf.cast(scaled, tf.float64), gramian)
        weights = weighed
        if isinstance(weighed, tuple):
            weights, objective = weighed
            further = tape.gradient(objective, self.variables)
            own = [add(pair) for pair in zip(own, further, strict=True)]
        weights = factors * tf.cast(weights, tf.float32)
        weighs_heads = getattr(self._weighting, "weighs_heads", False)
        return Weighed(weights if weighs_heads else factors, weights, None, own)

    def after_step(self, before: Tensor, after: Tensor) -> list[Any]:
        """Gradients of the strategy's trainable variables, from the losses around a step."""
        with tf.GradientTape() as tape:
            objective = self.strategy.after_step(before, after)
        return list(tape.gradient(objective, self.variables))
