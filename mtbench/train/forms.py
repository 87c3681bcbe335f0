"""The forms of strategies: how each is built, and what it makes of a step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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

from .gradients import add

Tensor = Any


@dataclass(frozen=True)
class Weighed:
    """What a strategy made of a step."""

    heads: Tensor
    """Weight of each task for the parameters of its own, float32 `[tasks]`; of a strategy of
    several batches `[weighed batches, tasks]`, as `weights`."""
    weights: Tensor | None
    """Weight of each task for the shared parameters, float32 `[tasks]`."""
    update: Tensor | None
    """Gradient of the shared parameters, float32 `[parameters]`, where there are no weights."""
    own: list[Any]
    """Gradients of the strategy's trainable variables."""


def weigh(
    weighting: Weighting,
    strategy: Any,
    variables: Sequence[Any],
    losses: Tensor,
    given: Any,
) -> Weighed:
    """What a strategy makes of a step.

    Args:
        weighting: The component.
        strategy: What its `build` returned.
        variables: The trainable variables of it.
        losses: Of the tasks it was built for, float32 `[tasks]`.
        given: Their Gramian, float64 `[tasks, tasks]`, or gradients, float32
            `[tasks, parameters]`, or what gives inner products between batches, by its form; None
            where losses are all it is to have.

    Raises:
        TypeError: The strategy returned something else than its form says.
    """
    if given is None:
        with tf.GradientTape() as tape:
            tape.watch(losses)
            loss = _floats(weighting, strategy(losses), [], "a scalar of the losses")
        weights, own = tape.gradient(loss, [losses, list(variables)])
        if weights is None:
            what = "a scalar of the losses, found a constant"
            raise TypeError(f"{_OF.format(weighting.name)} {what}")
        weights = tf.convert_to_tensor(weights)
        return Weighed(weights, weights, None, own)
    if isinstance(weighting, BatchesWeighting):
        return _weigh_batches(weighting, strategy, variables, losses, given)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(losses)
        scaled = getattr(strategy, "scale", lambda x: x)(losses)
    factors = tape.gradient(scaled, losses)
    own = tape.gradient(scaled, list(variables))
    if isinstance(weighting, GradientWeighting):
        update = strategy(scaled, factors[:, None] * given)
        update = _floats(weighting, update, [given.shape[1]], "a gradient")
        return Weighed(factors, None, update, own)
    double = tf.cast(factors, tf.float64)
    gramian = double[:, None] * given * double
    with tf.GradientTape() as tape:
        weighed = strategy(tf.cast(scaled, tf.float64), gramian)
    weights = weighed
    if isinstance(weighed, tuple):
        weights, objective = weighed
        further = tape.gradient(objective, list(variables))
        own = [add(pair) for pair in zip(own, further, strict=True)]
    weights = _floats(weighting, weights, [losses.shape[0]], "a weight for each task")
    weights = factors * tf.cast(weights, tf.float32)
    weighs_heads = getattr(weighting, "weighs_heads", False)
    return Weighed(weights if weighs_heads else factors, weights, None, own)


def _weigh_batches(
    weighting: BatchesWeighting, strategy: Any, variables: Sequence[Any], losses: Tensor, given: Any
) -> Weighed:
    """`weigh` of losses `[batches, tasks]`, or one row more, and inner products."""
    with tf.GradientTape() as tape:
        returned = strategy(tf.cast(losses, tf.float64), given)
    pair = isinstance(returned, tuple)
    weights, objective = returned if pair else (returned, None)
    own = tape.gradient(objective, list(variables)) if pair else [None] * len(variables)
    tasks = losses.shape[1]
    shape = [weighting.batches, tasks] if weighting.weighs_all else [tasks]
    weights = _floats(weighting, weights, shape, "a weight for each task")
    weights = tf.reshape(tf.cast(weights, tf.float32), [-1, tasks])
    return Weighed(weights if weighting.weighs_heads else tf.ones_like(weights), weights, None, own)


_OF = "what weighting {0!r} returned: expected"


def _floats(weighting: Weighting, found: Any, shape: Sequence[int | None], what: str) -> Tensor:
    """What a strategy returned, as a tensor of numbers.

    Raises:
        TypeError: It is none of this shape.
    """
    try:
        made = tf.convert_to_tensor(found)
    except (TypeError, ValueError) as error:
        message = f"{_OF.format(weighting.name)} {what}, found {type(found).__name__}"
        raise TypeError(message) from error
    if not made.dtype.is_floating or not made.shape.is_compatible_with(shape):
        raise TypeError(
            f"{_OF.format(weighting.name)} {what}, float32 {list(shape)}, found "
            f"{made.dtype.name} {made.shape}"
        )
    return made if made.shape.is_fully_defined() else tf.ensure_shape(made, shape)


def build(weighting: Weighting, tasks: Mapping[str, Task], sizes: Sequence[int]) -> Any:
    """What the strategy's `build` returns for these tasks.

    Raises:
        TypeError: It is of no form that we know, or lacks what its form needs.
    """
    if isinstance(weighting, GradientWeighting):
        return weighting.build(tasks, sizes)
    if isinstance(weighting, BatchesWeighting):
        return _build_batches(weighting, tasks)
    if isinstance(weighting, GramianWeighting | LossWeighting):
        return weighting.build(tasks)
    raise TypeError(
        f"weighting {weighting.name!r}: expected a LossWeighting, GramianWeighting, "
        f"GradientWeighting or BatchesWeighting, found {type(weighting).__name__}"
    )


def _build_batches(weighting: BatchesWeighting, tasks: Mapping[str, Task]) -> Any:
    """`build` of a strategy of several batches."""
    if weighting.batches < 1:
        raise TypeError(
            f"weighting {weighting.name!r}: batches: expected at least 1, found {weighting.batches}"
        )
    built = weighting.build(tasks)
    if weighting.ahead and not hasattr(built, "step_ahead"):
        raise TypeError(
            f"weighting {weighting.name!r} looks ahead: expected what its build returns to have "
            f"step_ahead(), found {type(built).__name__}"
        )
    return built


def slopes_after(
    strategy: Any, variables: Sequence[Any], before: Tensor, after: Tensor
) -> list[Any]:
    """Gradients of a strategy's trainable variables, from the losses around a step."""
    with tf.GradientTape() as tape:
        objective = strategy.after_step(before, after)
    return list(tape.gradient(objective, list(variables)))


def dense(slopes: Sequence[Any], variables: Sequence[Any]) -> list[Tensor]:
    """Gradients of variables as tensors, 0 where there is none: a branch returns what others do."""
    return [
        tf.zeros_like(variable) if slope is None else tf.convert_to_tensor(slope)
        for slope, variable in zip(slopes, variables, strict=True)
    ]


def flat(weighed: Weighed, variables: Sequence[Any]) -> tuple[Tensor, ...]:
    """Heads' weights, shared weights or update, and the dense gradients of the variables."""
    shared = weighed.update if weighed.weights is None else weighed.weights
    return (weighed.heads, shared, *dense(weighed.own, variables))
