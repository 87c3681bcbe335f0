"""Clauses that hold for every weighting strategy."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from mtbench.plugin.weighting import BatchesWeighting, GradientWeighting, Weighting

from .components import Clause, same_numbers, stepped
from .probe import apply
from .tiny import tiny_suite, tiny_tasks
from .trials import (
    SIZES,
    close,
    compare,
    eager,
    equal_tasks,
    given,
    is_random,
    lacking,
    probe,
    run,
)

STEPS = 30


def builds(weighting: Weighting) -> str | None:
    """It trains one task and three, and all numbers stay finite."""
    for count in (1, 3):  # two are trained by `reproducible`
        tasks = tiny_tasks(count)
        for path, fault in weighting.check(tuple(tasks)):
            return f"for {count} tasks its default options are wrong: {path}: {fault}"
        for variable in stepped(tiny_suite(tasks, weighting), 2).trainable_variables:
            if not np.isfinite(variable.numpy()).all():
                return f"with {count} tasks {variable.name} is not finite after two steps"
    return None


def reproducible(weighting: Weighting) -> str | None:
    """The same seed gives the same numbers, whatever ran before; evaluating changes nothing."""
    return same_numbers(tiny_suite(tiny_tasks(2), weighting))


def single(weighting: Weighting) -> str | None:
    """With one task the update is a positive multiple of its gradient."""
    losses, gradients = given(1, 12)
    same = gradients
    if isinstance(weighting, BatchesWeighting):
        same = np.stack([gradients] * weighting.batches, 1)
    updates = run(weighting, losses, same).updates
    for update, gradient in zip(updates, gradients[:, 0], strict=True):
        factor = update @ gradient / (gradient @ gradient)
        if factor <= 0:
            return f"found {factor:.3g} times the gradient"
        if not close(update, factor * gradient):
            return "found another direction"
        if isinstance(weighting, GradientWeighting):
            break  # after the first step it may mix the gradients of several
    return None


def permutes(weighting: Weighting) -> str | None:
    """Equal tasks are treated alike: exchanging tasks changes nothing."""
    if not weighting.symmetric:
        return None
    losses, gradients = given(3, 12)
    same = np.arange(sum(SIZES))
    for order in ([1, 0, 2], [1, 2, 0]):
        if not compare(
            weighting, (losses, gradients), (losses[:, order], gradients[:, order]), same
        ):
            return "the update depends on the order of the tasks (`symmetric` is True)"
    return None


def sees_everything(weighting: Weighting) -> str | None:
    """No shared variable is special: exchanging two of them exchanges their updates."""
    losses, gradients = given(2, 12)
    order = np.r_[SIZES[0] : sum(SIZES), 0 : SIZES[0]]
    moved = losses, gradients[:, :, order]
    if not compare(weighting, (losses, gradients), moved, order, SIZES[::-1]):
        return "the update depends on the order of the shared variables: is it made from some only?"
    return None


def scales(weighting: Weighting) -> str | None:
    """With all losses multiplied by c > 0 the update is multiplied by c^degree, as declared."""
    if weighting.degree is None:
        return None
    losses, gradients = given(2, 12)
    unscaled = run(weighting, losses, gradients, learning_rate=0.0).updates
    for c in (0.1, 8.0):
        scaled = run(weighting, c * losses, c * gradients, learning_rate=0.0).updates
        if not close(c**weighting.degree * unscaled, scaled, 1e-3):
            return f"`degree` is {weighting.degree}, but for c = {c} the update is another"
    return None


def responds(weighting: Weighting) -> str | None:
    """Weights respond to what happens, learned ones each; those declared constant do not."""
    for tasks in (2, 3):
        weights = run(weighting, *given(tasks, STEPS)).weights
        learned = probe(weighting, tasks, SIZES).variables and weighting.symmetric
        moved = np.ptp(weights, axis=0) > 1e-3 * np.abs(weights).max(0)
        if learned and not moved.all():
            still = ", ".join(f"{w:.4g}" for w in weights[0, ~moved])
            return f"a weight never changes in {STEPS} steps: it is always {still}"
        if weighting.adaptive and not moved.any():
            still = ", ".join(f"{w:.4g}" for w in weights[0])
            return f"weights never change in {STEPS} steps: they are always {still}"
        if not weighting.adaptive and moved.any():
            return "`adaptive` is False, but weights change"
    return None


def learns(weighting: Weighting) -> str | None:
    """Variables it trains do move, and each matters in both directions."""
    losses, gradients = given(2, STEPS)
    variables = probe(weighting, 2, SIZES).variables
    if not variables:
        return None
    run(weighting, losses[:0], gradients[:0])
    fresh = [variable.numpy() for variable in variables]
    run(weighting, losses, gradients)
    for old, variable in zip(fresh, variables, strict=True):
        if np.any(np.isclose(old, variable.numpy(), rtol=1e-4, atol=1e-5)):
            return f"{variable.name!r} does not move in {STEPS} steps: it is {variable.numpy()}"
    for variable in variables:
        for element in range(int(tf.size(variable))):
            for change in (-0.5, 0.5):
                if not _matters(weighting, variable, element, change):
                    return (
                        f"{variable.name!r}, element {element}: {change:+} changes no weight: is "
                        "it clamped?"
                    )
    return None


def _matters(weighting: Weighting, variable: Any, element: int, change: float) -> bool:
    """Whether changing an element of a trainable variable changes a weight."""
    # of two batches some pairs leave it without effect, where a constraint holds without it
    losses, gradients = given(2, STEPS if isinstance(weighting, BatchesWeighting) else 1)
    run(weighting, losses, gradients, learning_rate=0.0)  # the first step may be special
    strategy = probe(weighting, 2, SIZES)
    before = strategy.run(losses, gradients, learning_rate=0.0).weights
    values = variable.numpy()
    values.flat[element] += change
    variable.assign(values)
    return not close(before, strategy.run(losses, gradients, learning_rate=0.0).weights)


def robust(weighting: Weighting) -> str | None:
    """Zero, equal, opposite and hugely different gradients give finite numbers."""
    losses, gradients = given(3)
    cases = {
        "zero": gradients * [[0.0], [1.0], [1.0]],
        "all zero": 0.0 * gradients,
        "equal": np.repeat(gradients[:, :1], 3, axis=1),
        "opposite": gradients[:, :1] * [[1.0], [-1.0], [1.0]],
        "a million times larger": gradients * [[1e6], [1.0], [1.0]],
    }
    for name, case in cases.items():
        # three steps, so that what the first one leaves behind counts too
        applied = run(weighting, np.repeat(losses, 3, 0), np.repeat(case, 3, 0))
        if not np.isfinite(applied.updates).all():
            return f"not finite for gradients that are {name}"
    equal = run(weighting, np.ones_like(losses), cases["equal"])
    alike = not weighting.symmetric or is_random(weighting, 3)
    if not alike and np.ptp(equal.weights) > 1e-4 * np.abs(equal.weights).max():
        return f"equal losses and gradients get unequal weights: {equal.weights[0]}"
    return None


def traces(weighting: Weighting) -> str | None:
    """A graph of it, traced once, gives the updates that it gives without one."""
    losses, gradients = given(2, STEPS)
    if is_random(weighting, 2):  # a graph draws other numbers
        if is_random(weighting, 2, alike=True):
            return None
        losses, gradients = equal_tasks(losses, gradients)
    graph = run(weighting, losses, gradients).updates
    plain = eager(weighting, losses, gradients).updates
    for step, (one, two) in enumerate(zip(graph, plain, strict=True), 1):
        if not close(one, two, 1e-3):
            return (
                f"in step {step} its graph gives another update than Python: what changes has to "
                "be kept in `tf.Variable`s, since Python (an attribute, a closure) runs only once"
            )
    return None


def goes_without(weighting: Weighting) -> str | None:
    """In a step without a label of a task it weighs the others, and its state stays sound."""
    losses, gradients = given(2, STEPS)
    one, other = np.array([True, False]), np.array([False, True])
    present = np.ones([STEPS, 2], bool)
    present[[0, 5, 6, 15, 29]], present[[1, 8, 20]] = one, other
    present[10:20, 1] = False  # a whole epoch
    applied, strategy = lacking(weighting, losses, gradients, present)
    sizes = np.abs(applied.updates).max(1)
    for step in np.flatnonzero(~present.all(1)):
        if not sizes[step] > 1e-6 * np.abs(gradients[step][present[step]]).max():
            return f"the update is {sizes[step]:.3g} in a step without a label of one of two tasks"
    if not np.isfinite(applied.updates).all():
        return "an update is not finite after a step without a label of a task"
    for variable in strategy.state:
        if not np.isfinite(np.asarray(variable, float)).all():
            return f"{variable.name!r} is not finite after a step without a label of a task"
    return None if strategy.state or is_random(weighting, 2) else _weighs_the_others(weighting)


def _weighs_the_others(weighting: Weighting) -> str | None:
    """Compare some of the tasks with a strategy of no others; it has no memory of either."""
    for tasks, some in ((2, "the first of two"), (3, "the first two of three")):
        (losses, gradients), there = given(tasks), np.arange(tasks)[None] < tasks - 1
        absent = apply(weighting, losses, gradients, sizes=SIZES, present=there).updates
        alone = apply(weighting, losses[:, :-1], gradients[:, :-1], sizes=SIZES).updates
        if not close(absent, alone):
            return f"of {some} tasks, without the last, the update is not that of these alone"
    return None


WEIGHTING_CLAUSES: tuple[Clause, ...] = (
    single,
    permutes,
    sees_everything,
    scales,
    responds,
    learns,
    traces,
    goes_without,
    robust,
    builds,  # these two train a model, which takes the longest
    reproducible,
)
