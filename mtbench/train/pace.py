"""The pace of training: steps in units of a reference workload that is timed in turn with them.

A step takes three times as long on a busy machine, and so does the workload beside it; their ratio
stays. What remains are the code's own changes, and some noise.
"""

from __future__ import annotations

import functools
import statistics
import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf

SHARE = 0.05
"""Of the time of the steps that the workload may take."""
FIRST = 6
"""Number of the step after which it starts: Keras checks by five that callbacks are not slow."""
FEWEST = 3
"""Timings of the workload in any run; a short one makes up at its end for those it lacks."""
WINDOW = 4
"""How many steps before it and after it a timing of the workload is compared with."""


class Pace:
    """Times the steps of one run.

    Args:
        workload: What is timed beside them.

    Attributes:
        spent: Seconds that the workload has taken, which are no part of training.
    """

    def __init__(self, workload: Callable[[], object] | None = None) -> None:
        self._workload = workload or reference_workload()
        self._steps: list[float] = []
        self._references: list[tuple[int, float]] = []
        self._trained = self._due = self.spent = 0.0

    def step(self, seconds: float) -> None:
        """Note how long a step took, and time the workload where it is its turn.

        The first step, which traces, and the last ones of the epochs, where they are smaller, are
        for the caller to leave out.
        """
        self._steps.append(seconds)
        self._trained += seconds
        due = len(self._references) < FEWEST or self._trained >= self._due
        if due and len(self._steps) >= FIRST:
            self._time()

    def _time(self) -> None:
        if not self._references:
            self._once()  # a new seed has cleared TensorFlow's kernels
        self._references.append((len(self._steps), self._once()))
        # by the shortest: one timing that had to wait is not to keep others from being made
        shortest = min(seconds for _, seconds in self._references)
        self._due = len(self._references) * shortest / SHARE

    def _once(self) -> float:
        started = time.perf_counter()
        self._workload()
        seconds = time.perf_counter() - started
        self.spent += seconds
        return seconds

    def result(self) -> dict[str, float | None]:
        """Return medians over the run.

        `step_s`, `reference_s`, and `step_per_reference`: each timing of the workload by the median
        of the steps around it. None without a step.
        """
        if not self._steps:
            return {"step_s": None, "reference_s": None, "step_per_reference": None}
        while len(self._references) < FEWEST:
            self._time()
        ratios = [
            statistics.median(self._steps[max(0, n - WINDOW) : n + WINDOW]) / seconds
            for n, seconds in self._references
        ]
        return {
            "step_s": statistics.median(self._steps),
            "reference_s": statistics.median(seconds for _, seconds in self._references),
            "step_per_reference": statistics.median(ratios),
        }


@functools.cache
def reference_workload() -> Callable[[], object]:
    """Make the workload: the gradients of a small two-tower model, traced once for the process.

    Lookups, a rating network and an in-batch softmax over 768 examples, 5 ms on two cores of 2024:
    about what a step of the suites here does, so that what slows down one slows down the other. It
    draws no random numbers and keeps no state. It must stay as it is, or stored results lose their
    unit.
    """
    size, dim, rows = 768, 32, 2000
    rng = np.random.default_rng(0)
    table = tf.constant(rng.standard_normal((rows, dim)), tf.float32)
    query, candidate = (tf.constant(rng.integers(rows, size=size)) for _ in range(2))
    hidden = tf.constant(rng.standard_normal((2 * dim, 64)) / 8, tf.float32)
    last = tf.constant(rng.standard_normal((64, 1)) / 8, tf.float32)

    @tf.function
    def gradients() -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch([table, hidden, last])
            left, right = tf.gather(table, query), tf.gather(table, candidate)
            scores = tf.matmul(left, right, transpose_b=True)
            softmax = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.range(size), scores)
            units = tf.nn.relu(tf.matmul(tf.concat([left, right], 1), hidden))
            loss = tf.reduce_mean(softmax) + tf.reduce_mean(tf.matmul(units, last) ** 2)
        found = tape.gradient(loss, [table, hidden, last])
        return [tf.convert_to_tensor(gradient) for gradient in found]

    def workload() -> object:
        return gradients()[0].numpy()  # waits for a device that works on its own

    for _ in range(3):
        workload()
    return workload
