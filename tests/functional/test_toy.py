"""Strategies on the two-task problem of docs/toy.py: those said to find the Pareto front do."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from made import some

from mtbench.plugin.registry import installed

spec = importlib.util.spec_from_file_location("toy", Path(__file__).parents[2] / "docs" / "toy.py")
toy = importlib.util.module_from_spec(spec)
spec.loader.exec_module(toy)

AT_THE_VALLEY = (9.0, 9.0)
"""The start near the second loss's valley, where that loss's gradient drowns the other's."""

# What stops these strategies is, for two tasks, a Pareto-stationary point and nothing else. That is
# a statement on smooth losses: along the valleys there is a kink, and steps are finite.
CLAIMS = {
    "aligned-mtl": "its theorem: a Pareto-stationary point",
    "config": "the same positive cosine with each gradient, unless they are opposite",
    "dualproj": "no conflict with any gradient; 0 only where the gradients are opposite",
    "fairgrad": "g_i · d = w_i^(-1/α) > 0 for every task",
    "imtl-g": "the direction of the bisector, as Nash-MTL's for two tasks",
    "imtl": "IMTL-G on losses multiplied by positive numbers",
    "mgda": "‖d‖² ≤ g_i · d for every task; d = 0 is Pareto stationarity",
    "moco": "its theorem: MGDA's weights in the limit",
    "nash-mtl": "theorem 5.4: a Pareto-stationary point",
    "pcgrad": "theorem 1: the minimum of the sum, or opposite gradients",
    "upgrad": "no conflict with any gradient; its theorem: a Pareto-stationary point",
}
SLOW = {"fairgrad": 16_000, "nash-mtl": 16_000}
"""Steps of those whose step is a Newton iteration, in place of `toy.STEPS`; they need 14,000."""
CURVE = toy.front()


def descents(name, steps=toy.STEPS, starts=toy.STARTS, **options):
    """Losses along the descents of a strategy."""
    descent = toy.Descent(installed().find("weighting", name)(**options))
    return [descent.run(start, steps) for start in starts]


def arrivals(runs):
    """Of each descent, whether it reaches the front."""
    return [toy.steps_to_front(run, CURVE) is not None for run in runs]


def test_the_front():
    """On it the gradients are opposite, and no point of a grid is better in both losses."""
    theta = tf.constant(toy.pareto_set(101))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(theta)
        first, second = tf.unstack(toy.losses(theta), axis=-1)
    one, other = (tape.gradient(loss, theta).numpy() for loss in (first, second))
    cross = one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]
    np.testing.assert_allclose(cross, 0.0, atol=1e-12)
    assert ((one * other).sum(1) <= 1e-12).all()

    side = np.linspace(-12.0, 12.0, 241)
    grid = toy.losses(tf.constant(np.stack(np.meshgrid(side, side), -1))).numpy().reshape(-1, 2)
    assert (grid > toy.BOUNDS).all()
    better = (grid[:, None] < CURVE[::10] - 1e-9).all(-1)
    assert not better.any()


def test_the_losses():
    """Against the formula, by hand: in the bowls, in a valley, and its floor."""
    c = np.tanh(4.0)
    bowls = [0.1 * c * (4.9 - 20.0), c * (4.9 - 20.0)]
    np.testing.assert_allclose(toy.losses(tf.constant([0.0, -8.0], tf.float64)), bowls)
    c, floor = np.tanh(1.0), np.log(5e-6) + 6.0
    theta = tf.constant([7.0 - 2.0 * np.tanh(2.0), 2.0], tf.float64)
    first = np.log(7.0 - 2.0 * np.tanh(2.0)) + 6.0
    np.testing.assert_allclose(toy.losses(theta), [0.1 * c * first, c * floor])


def test_adam_is_that_of_keras():
    rng = np.random.default_rng(0)
    variable, ours = tf.Variable([1.0, -2.0]), tf.constant([1.0, -2.0])
    optimizer = tf.keras.optimizers.Adam(0.1, epsilon=1e-8)
    moments = tf.zeros([2, 2])
    for step in range(1, 6):
        gradient = tf.constant(rng.normal(size=2), tf.float32)
        optimizer.apply_gradients([(gradient, variable)])
        moments, change = toy.adam(moments, gradient, step, 0.1)
        ours += change
    np.testing.assert_allclose(ours, variable.numpy(), rtol=1e-5)


@pytest.mark.parametrize("name", some(CLAIMS, "pcgrad"))
def test_reaches_the_front_from_every_start(name):
    assert arrivals(descents(name, SLOW.get(name, toy.STEPS))) == [True] * 5


@pytest.mark.thorough
def test_cagrad_ends_where_the_mean_is_least():
    """A stationary point of the mean loss, for c < 1 (theorem 3.2), whatever the start."""
    least = CURVE[CURVE.sum(1).argmin()]
    for run in descents("cagrad"):
        assert np.linalg.norm((run[-1] - least) / np.ptp(CURVE, 0)) < toy.TOLERANCE


@pytest.mark.thorough
def test_equal_weights_get_stuck():
    """From one start, where one gradient is far longer than the other; the rest arrive."""
    expected = [start != AT_THE_VALLEY for start in toy.STARTS]
    assert arrivals(descents("equal")) == expected


@pytest.mark.thorough
def test_famo_reaches_the_front_without_decay():
    """As its authors run it here, with γ = 0: changes this small do not outweigh the default."""
    assert arrivals(descents("famo", 30_000, gamma=0.0)) == [True] * 5
    assert arrivals(descents("famo", starts=[AT_THE_VALLEY])) == [False]


@pytest.mark.thorough
def test_sdmgrad_gets_stuck_as_the_mean_does():
    """With λ = 0 it is MGDA; by default it also follows the mean, and with it the longer gradient.

    That is the method's: weights that minimise its objective exactly get stuck as well.
    """
    assert arrivals(descents("sdmgrad", 40_000, [AT_THE_VALLEY], lambda_=0.0)) == [True]
    assert arrivals(descents("sdmgrad", starts=[AT_THE_VALLEY])) == [False]
