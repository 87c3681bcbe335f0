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

import matplotlib.pyplot as plt
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
NOT_COMPILED = {"graddrop": "draws", "rlw": "draws", "moco": "sorts, which XLA does slowly"}
"""Strategies that are run without XLA: what is drawn there follows no seed."""


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

    It lies where y < 0 and -7 ≤ x ≤ 7. With c = tanh(-y/2) the losses are c q_i there, and the
    gradients are opposite where c' ((49 - x²) / 10 + (y + 8)² / 100) = 0.02 c (y + 8): for every x
    that has one solution y, a little below -8.
    """
    x = np.linspace(-7.0, 7.0, points)
    below, above = np.full(points, -9.0), np.full(points, -8.0)
    for _ in range(60):  # bisection
        y = 0.5 * (below + above)
        c = np.tanh(-0.5 * y)
        slope = -0.5 * (1.0 - c**2)  # c'
        excess = slope * ((49.0 - x**2) / 10.0 - (y + 8.0) ** 2 / 100.0 - 0.0) - 0.02 * c * (y + 8)
        below, above = np.where(excess > 0, y, below), np.where(excess > 0, above, y)
    return np.array([losses(tf.constant(point)).numpy() for point in np.stack([x, y], 1)])
