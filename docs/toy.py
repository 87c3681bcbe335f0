"""Draw every strategy on a problem of two tasks: `python docs/toy.py docs/toy.svg`.

The problem is that of CAGrad (Liu et al., NeurIPS 2021, toy.py of the authors' code) as Nash-MTL
(Navon et al., ICML 2022, experiments/toy) took it over, with its five starts: two parameters, the
first loss multiplied by 0.1, Adam with learning rate 1e-3 for 35,000 steps. Where the papers' text
and the code differ, which they do in a sign of the second loss, this follows the code.

The losses go down to -2 and -20, and many strategies need positive ones. As FAMO's authors do for
theirs, every strategy here is given L_i - b_i, with b = (-2.1, -21). That moves the front and does
not change its shape; the picture shows L_i.

An epoch, for the strategies that count them, has 1,000 steps.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


import numpy as np
import tensorflow as tf

from mtbench.components import LossWeighting, Weighting
from mtbench.gradients import TaskGradients, Weigher
from mtbench.model import state_of, variables_of
from mtbench.registry import installed
from mtbench.testing.tiny import TinyTask

Tensor = Any

STARTS = ((-8.5, 7.5), (0.0, 0.0), (9.0, 9.0), (-7.5, -0.5), (9.0, -1.0))
SCALE = np.array([0.1, 1.0])
"""Factor of each loss."""
BOUND = -21.0 * SCALE
"""b: below either loss; strategies are given what is above it."""
LEARNING_RATE = 1e-3
STEPS, EPOCH, RECORD = 35_000, 1_000, 100
"""Steps of a descent, of an epoch, and from one recorded point to the next."""
TOLERANCE = 0.01
"""A descent has reached the front at this distance from it, in lengths of the front's extent."""
NOT_COMPILED = ("graddrop", "rlw")
"""Strategies that draw are run without XLA, where draws follow no seed."""


def losses(theta: Tensor) -> Tensor:
    """Both losses, float64 `[2]`, of the parameters, float64 `[2]`."""
    x, y = tf.unstack(theta)
    upper, lower = (tf.maximum(tf.tanh(sign * 0.5 * y), 0.0) for sign in (1.0, -1.0))
    valleys = (0.5 * (-x - 7.0) - tf.tanh(-y), 0.5 * (-x + 3.0) + tf.tanh(-y) + 2.0)
    bowls = ((-x + 7.0) ** 2, (-x - 7.0) ** 2)
    found = [
        upper * (tf.math.log(tf.maximum(tf.abs(valley), 5e-6)) + 6.0)
        + lower * ((bowl + 0.1 * (-y - 8.0) ** 2) / 10.0 - 20.0)
        for valley, bowl in zip(valleys, bowls, strict=True)
    ]
    return SCALE * tf.stack(found)


def front(points: int = 1001) -> np.ndarray:
    """Losses along the Pareto front, float64 `[points, 2]`.

    It lies where y < 0 and -7 ≤ x ≤ 7. There L_i = c q_i, with c = tanh(-y / 2) and a quadratic
    q_i; the gradients of the two are opposite where
    c' (20 - (y + 8)² / 100 - (49 - x²) / 10) = 0.02 c (y + 8), which for every x has one solution
    y, a little below -8.
    """
    x = np.linspace(-7.0, 7.0, points)
    low, high = np.full(points, -9.0), np.full(points, -8.0)
    for _ in range(60):  # bisection
        y = 0.5 * (low + high)
        c = np.tanh(-0.5 * y)
        slope = -0.5 * (1.0 - c**2)
        depth = 20.0 - (y + 8.0) ** 2 / 100.0 - (49.0 - x**2) / 10.0
        below = slope * depth > 0.02 * c * (y + 8.0)
        low, high = np.where(below, y, low), np.where(below, high, y)
    return np.array([losses(tf.constant(point)).numpy() for point in np.stack([x, y], 1)])


def distance(found: np.ndarray, curve: np.ndarray) -> np.ndarray:
    """Distance of losses `[..., 2]` to the front, each loss in units of the front's extent."""
    extent = curve.max(0) - curve.min(0)
    return np.linalg.norm((found[..., None, :] - curve) / extent, axis=-1).min(-1)


def adam(moments: Tensor, gradient: Tensor, step: Tensor, rate: float) -> tuple[Tensor, Tensor]:
    """Adam for a vector.

    Args:
        moments: Means of the gradient and of its square, `[2, elements]`.
        gradient: `[elements]`.
        step: Number of the step, from 1.
        rate: Learning rate.

    Returns:
        The new moments, and what to add to the vector.
    """
    keep = tf.constant([[0.9], [0.999]], moments.dtype)
    moments = keep * moments + (1.0 - keep) * tf.stack([gradient, gradient**2])
    mean, square = tf.unstack(moments / (1.0 - keep ** tf.cast(step, keep.dtype)))
    return moments, -rate * mean / (tf.sqrt(square) + 1e-8)


class Descent:
    """Adam on the problem, with one strategy.

    What changes is carried through the loops in tensors, since XLA compiles anew for variables.

    Args:
        weighting: The strategy.
    """

    def __init__(self, weighting: Weighting) -> None:
        self._weigher = Weigher(weighting, {f"task_{i}": TinyTask() for i in range(2)}, [2])
        state = variables_of(state_of(self._weigher.strategy))
        self._weigher.variables = [variable for variable in state if variable.trainable]
        self._moments = [tf.Variable(tf.zeros([2, tf.size(v)])) for v in self._weigher.variables]
        self._rate = getattr(weighting, "learning_rate", None) or LEARNING_RATE
        self._initial = [(variable, variable.numpy()) for variable in (*state, *self._moments)]
        self._advance = tf.function(
            self._go, autograph=False, jit_compile=weighting.name not in NOT_COMPILED
        )

    def run(self, start: Sequence[float], steps: int = STEPS) -> np.ndarray:
        """Go down from a start.

        Returns:
            The losses before every `RECORD` steps, and at the end, float64 `[points, 2]`.
        """
        tf.random.set_seed(0)
        for variable, value in self._initial:
            variable.assign(value)
        ended = getattr(self._weigher.strategy, "epoch_ended", None)
        state = (tf.constant(0), tf.constant(start, tf.float64), tf.zeros([2, 2], tf.float64))
        found, size = [], EPOCH if ended else steps
        for last in range(size, steps + 1, size):
            state, points = self._advance(state, size // RECORD)
            found.append(points.numpy())
            if ended and last < steps:
                ended(tf.constant(np.mean(found[-1] - BOUND, 0), tf.float32))
        return np.concatenate([*found, [losses(state[1]).numpy()]])

    def _go(self, state: Any, records: int) -> tuple[Any, Tensor]:
        """Make `RECORD` steps `records` times; return the state and the losses before each."""

        def some(i: Tensor, state: Any, points: Tensor) -> tuple[Tensor, Any, Tensor]:
            points = points.write(i, losses(state[1]))
            _, state = tf.while_loop(
                lambda j, _: j < RECORD, lambda j, state: (j + 1, self._step(*state)), (0, state)
            )
            return i + 1, state, points

        points = tf.TensorArray(tf.float64, records, element_shape=[2])
        _, state, points = tf.while_loop(lambda i, *_: i < records, some, (0, state, points))
        return state, points.stack()

    def _step(self, step: Tensor, theta: Tensor, moments: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Make a step."""
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(theta)
            found = tf.unstack(losses(theta))
        rows = [tf.cast(tape.gradient(loss, theta), tf.float32) for loss in found]
        gradients = TaskGradients([rows], 2, [theta.shape])
        before = tf.cast(tf.stack(found) - BOUND, tf.float32)
        weighed = self._weigher(before, gradients)
        update, own = weighed.update, weighed.own
        if weighed.weights is not None:
            (update,) = gradients.combine(weighed.weights)
        moments, change = adam(moments, tf.cast(update, theta.dtype), step + 1, LEARNING_RATE)
        theta += change
        if hasattr(self._weigher.strategy, "after_step"):
            after = tf.cast(losses(theta) - BOUND, tf.float32)
            own = self._weigher.after_step(before, after)
        self._move_own(own, step + 1)
        return step + 1, theta, moments

    def _move_own(self, gradients: Sequence[Tensor], step: Tensor) -> None:
        """Move the strategy's own variables."""
        for variable, moments, gradient in zip(
            self._weigher.variables, self._moments, gradients, strict=True
        ):
            flat = tf.reshape(gradient, [-1])
            new, change = adam(moments, flat, step, self._rate)
            moments.assign(new)
            variable.assign_add(tf.reshape(change, variable.shape))


def strategies() -> dict[str, Weighting]:
    """Every registered strategy with its default options, by name."""
    return {cls.name: cls() for cls, _ in installed() if issubclass(cls, Weighting)}
