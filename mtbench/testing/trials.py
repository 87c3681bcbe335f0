"""Losses and gradients that clauses give a weighting strategy, and what is asked of its updates."""

from __future__ import annotations

import functools

import numpy as np
import tensorflow as tf

from mtbench.plugin.weighting import Weighting

from .probe import Applied, Probe, apply

SIZES = (3, 5)
DRAWS = 300


def given(tasks: int, steps: int = 1, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Losses `[steps, tasks]` that fall at several rates, and gradients that turn and conflict."""
    rng = np.random.default_rng(seed)
    falling = np.exp(-np.outer(np.arange(steps), np.linspace(0.01, 0.05, tasks)))
    losses = falling * np.geomspace(4.0, 0.05, tasks) * rng.uniform(0.9, 1.1, [steps, tasks])
    gradients = rng.normal(size=[steps, tasks, sum(SIZES)]) + rng.normal(size=[1, 1, sum(SIZES)])
    gradients[:, 1:2] -= 1.2 * gradients[:, :1]  # the first two tasks conflict
    rounded = np.float32(losses), np.float32(gradients * np.geomspace(2.0, 0.5, tasks)[:, None])
    return rounded[0].astype(float), rounded[1].astype(float)


def equal_tasks(losses: np.ndarray, gradients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same with every task as the first: chance that divides weights is not to be seen."""
    first, tasks = np.s_[:, :1], losses.shape[1]
    return np.repeat(losses[first], tasks, 1), np.repeat(gradients[first], tasks, 1)


def probe(weighting: Weighting, tasks: int, sizes: tuple[int, ...]) -> Probe:
    """A strategy's probe; clauses share its graph."""
    return _probe(type(weighting), weighting.model_dump_json(), tasks, sizes)


@functools.lru_cache(maxsize=8)
def _probe(cls: type[Weighting], options: str, tasks: int, sizes: tuple[int, ...]) -> Probe:
    return Probe(cls.model_validate_json(options), tasks, sizes, traced=True)


def eager(weighting: Weighting, losses: np.ndarray, gradients: np.ndarray) -> Applied:
    """As `run`, of a strategy of its own and without a graph."""
    tf.random.set_seed(0)
    return apply(weighting, losses, gradients, sizes=SIZES, epochs=_epochs(losses))


def lacking(
    weighting: Weighting, losses: np.ndarray, gradients: np.ndarray, present: np.ndarray
) -> tuple[Applied, Probe]:
    """As `run`, with steps that are without some of the tasks; and the strategy's probe."""
    tf.random.set_seed(0)
    strategy = Probe(weighting, losses.shape[1], SIZES, traced=True, may_lack=True)
    return strategy.run(losses, gradients, epochs=_epochs(losses), present=present), strategy


def _epochs(losses: np.ndarray) -> list[int]:
    """Ten steps an epoch."""
    return [step // 10 for step in range(len(losses))]


def run(
    weighting: Weighting,
    losses: np.ndarray,
    gradients: np.ndarray,
    sizes: tuple[int, ...] = SIZES,
    learning_rate: float = 0.1,
) -> Applied:
    """Apply a strategy from its fresh state and a fixed seed, ten steps an epoch."""
    tf.random.set_seed(0)
    strategy = probe(weighting, losses.shape[1], sizes)
    strategy.reset()
    return strategy.run(losses, gradients, epochs=_epochs(losses), learning_rate=learning_rate)


def draws(
    weighting: Weighting, losses: np.ndarray, gradients: np.ndarray, sizes: tuple[int, ...] = SIZES
) -> np.ndarray:
    """First updates of a strategy of chance, `[DRAWS, parameters]`."""
    tf.random.set_seed(0)
    strategy = probe(weighting, losses.shape[1], sizes)
    updates = []
    for _ in range(DRAWS):
        strategy.reset()
        updates.append(strategy.run(losses[:1], gradients[:1]).updates[0])
    return np.array(updates)


def is_random(weighting: Weighting, tasks: int, alike: bool = False) -> bool:
    """Whether two calls on the same numbers differ by chance; those of equal tasks if `alike`."""
    strategy = probe(weighting, tasks, SIZES)
    first: list[np.ndarray] = []
    second: list[np.ndarray] = []
    tf.random.set_seed(0)
    for updates in (first, second):
        strategy.reset()
        numbers = given(tasks, 12)
        updates.append(strategy.run(*(equal_tasks(*numbers) if alike else numbers)).updates)
    return not np.array_equal(first, second)


def close(first: np.ndarray, second: np.ndarray, tolerance: float = 1e-4) -> bool:
    """Whether two arrays are equal but for rounding, by the largest of all numbers."""
    scale = max(np.abs(first).max(), np.abs(second).max(), 1e-12)
    return bool(np.abs(first - second).max() <= tolerance * scale)


def compare(
    weighting: Weighting,
    original: tuple[np.ndarray, np.ndarray],
    exchanged: tuple[np.ndarray, np.ndarray],
    order: np.ndarray,
    sizes: tuple[int, ...] = SIZES,
) -> bool:
    """Whether the updates for two inputs are equal, the second's columns in an order.

    A strategy of chance is compared by its means over many draws, to five standard errors.
    """
    if not is_random(weighting, original[0].shape[1]):
        before, after = run(weighting, *original), run(weighting, *exchanged, sizes=sizes)
        return close(before.updates[:, order], after.updates)
    first, second = draws(weighting, *original)[:, order], draws(weighting, *exchanged, sizes=sizes)
    error = np.sqrt((first.var(0) + second.var(0)) / DRAWS)
    return bool((np.abs(first.mean(0) - second.mean(0)) <= 5 * error + 1e-6).all())
