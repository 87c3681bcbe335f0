"""Steps: which optimizer moves which variables, how far, and on what schedule."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from mtbench.suite.training import Optimizer, Schedule, Train

Tensor = Any


def keras_optimizer(options: Optimizer, learning_rate: float | None = None) -> Any:
    """Make an optimizer of `tf.keras.optimizers`."""
    # not `tf.keras.optimizers.get`: given a configuration it makes a legacy optimizer
    classes = {cls.lower(): cls for cls in ("Adagrad", "Adam", "AdamW", "RMSprop", "SGD")}
    further = {
        name: value
        for name, value in (("momentum", options.momentum), ("weight_decay", options.weight_decay))
        if value is not None
    }
    cls = getattr(tf.keras.optimizers, classes[options.name])
    return cls(learning_rate or options.learning_rate, **further)


class Updates:
    """Makes the steps of a model's variables.

    Args:
        options: How the suite trains.
        parts: The model's variables by part: `query` and `candidate` towers, and each task's head.

    Attributes:
        optimizers: The optimizer of all parts without one of their own, and those of the others.
        steps: Steps of the whole training, which the schedule is stretched over.
    """

    def __init__(self, options: Train, parts: Mapping[str, Sequence[Any]]) -> None:
        self._schedule, self._clip_norm = options.schedule, options.clip_norm
        self.steps = tf.Variable(1.0, trainable=False, name="steps")
        self.epochs = options.epochs
        apart = {name: options.groups[name] for name in parts if name in options.groups}
        self.optimizers: list[Any] = []
        self._groups: list[tuple[Optimizer, Any, set[Any]]] = []
        rest = [v for name, variables in parts.items() if name not in apart for v in variables]
        for group, variables in (
            (options.optimizer, rest),
            *((each, parts[name]) for name, each in apart.items()),
        ):
            optimizer = keras_optimizer(group)
            optimizer.build(variables)
            self.optimizers.append(optimizer)
            self._groups.append((group, optimizer, {v.ref() for v in variables}))

    @property
    def variables(self) -> list[Any]:
        """Slots and counters, the learning rates among them."""
        return [self.steps, *(v for o in self.optimizers for v in (*o.variables, o.learning_rate))]

    def apply(self, gradients: Iterable[Any], variables: Iterable[Any]) -> None:
        """Make a step; what is not trained has no gradient and stays as it is.

        L2 adds λθ to the gradient of a parameter θ, that of λ/2 ‖θ‖²; of an embedding table only
        to the rows that the batch looked up. Then the gradient of the whole model is clipped.
        """
        pairs = [
            (gradient, variable)
            for gradient, variable in zip(gradients, variables, strict=True)
            if gradient is not None
        ]
        penalties = {ref: group.l2 for group, _, refs in self._groups for ref in refs if group.l2}
        if self._clip_norm or penalties:
            pairs = [(distinct(gradient), variable) for gradient, variable in pairs]
        pairs = [(_decay(g, v, penalties.get(v.ref(), 0.0)), v) for g, v in pairs]
        if self._clip_norm:
            clipped, _ = tf.clip_by_global_norm([g for g, _ in pairs], self._clip_norm)
            pairs = [(g, v) for g, (_, v) in zip(clipped, pairs, strict=True)]
        for group, optimizer, refs in self._groups:
            mine = [pair for pair in pairs if pair[1].ref() in refs]
            if not mine:
                continue
            if self._schedule != Schedule():
                step = tf.cast(optimizer.iterations, tf.float32)
                optimizer.learning_rate.assign(
                    group.learning_rate
                    * factor(self._schedule, step, self.steps, self.steps / self.epochs)
                )
            optimizer.apply_gradients(mine)


def factor(schedule: Schedule, step: Tensor, steps: Tensor, steps_per_epoch: Tensor) -> Tensor:
    """What a step's learning rate is multiplied by, a float32 scalar.

    In the warm-up's w steps it is (t + 1) / w for step t from 0. After it, with p from 0 to 1 the
    share of the other steps that were made and e the factor at the end: linear 1 − (1 − e) p;
    cosine e + (1 − e) (1 + cos πp) / 2 (Loshchilov and Hutter, ICLR 2017, eq. 5, without restarts);
    exponential e^p.
    """
    warmup = schedule.warmup_epochs * steps_per_epoch
    share = tf.clip_by_value((step - warmup) / tf.maximum(steps - warmup, 1.0), 0.0, 1.0)
    after = {
        "constant": lambda: tf.ones_like(share),
        "linear": lambda: 1.0 - (1.0 - schedule.end) * share,
        "cosine": lambda: schedule.end + (1.0 - schedule.end) * (1.0 + tf.cos(math.pi * share)) / 2,
        "exponential": lambda: schedule.end**share,
    }[schedule.name]()
    return tf.where(step < warmup, (step + 1.0) / tf.maximum(warmup, 1.0), after)


def distinct(gradient: Any) -> Any:
    """A gradient with the rows of equal index summed, so that its norm is that of the sum."""
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    ids, where = tf.unique(gradient.indices)
    values = tf.math.unsorted_segment_sum(gradient.values, where, tf.size(ids))
    return tf.IndexedSlices(values, ids, gradient.dense_shape)


def _decay(gradient: Any, variable: Any, l2: float) -> Any:
    """Add the gradient of λ/2 ‖θ‖²."""
    if not l2:
        return gradient
    if isinstance(gradient, tf.IndexedSlices):
        values = gradient.values + l2 * tf.gather(variable, gradient.indices)
        return tf.IndexedSlices(values, gradient.indices, gradient.dense_shape)
    return gradient + l2 * variable
