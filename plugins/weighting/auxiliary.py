"""A scheduled weight of auxiliary tasks (Belharbi et al., evolving weights, ESANN 2016)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, Self

import tensorflow as tf
from pydantic import Field, model_validator

import mtbench


class Auxiliary(mtbench.LossWeighting):
    """L_main + λ(t) Σ_k L_k over the other tasks, λ a schedule of the epoch t (there eq. 1).

    With p from 0 in the first epoch to 1 in the last one of the schedule, after which λ stays, and
    λ from a = `start` to b = `end`: linear a + (b − a) p; cosine b + (a − b) (1 + cos πp) / 2
    (Loshchilov and Hutter, ICLR 2017, eq. 5); exponential a (b / a)^p.
    """

    name = "auxiliary"
    symmetric = False
    degree = 1
    main_option = "main"
    main: str | None = None
    """The task that is weighed 1; default: the suite's `main`, without one the first of the
    scenario. In a step without a label of it the first task that has one."""
    start: float = Field(1.0, ge=0, allow_inf_nan=False)
    """Weight of the others in the first epoch."""
    end: float = Field(0.1, ge=0, allow_inf_nan=False)
    """Weight of the others in the schedule's last epoch, and after it."""
    schedule: Literal["linear", "cosine", "exponential"] = "linear"
    """Form of its way."""
    epochs: int = Field(3, ge=2)
    """Epochs of the schedule."""

    @model_validator(mode="after")
    def _has_a_ratio(self) -> Self:
        if self.schedule == "exponential" and not (self.start and self.end):
            raise ValueError("expected start and end above 0 for exponential, found 0")
        return self

    def check(self, tasks: Sequence[str]) -> Iterable[tuple[str, str]]:
        """Refuse a main task that is not trained."""
        if self.main is not None and self.main not in tasks:
            yield "main", f"not a trained task{mtbench.did_you_mean(self.main, tasks)}"

    def weight(self, epoch: int) -> float:
        """λ in an epoch, counted from 0."""
        p = min(epoch / (self.epochs - 1), 1.0)
        if self.schedule == "linear":
            return self.start + (self.end - self.start) * p
        if self.schedule == "cosine":
            return self.end + (self.start - self.end) * (1 + math.cos(math.pi * p)) / 2
        return float(self.start * (self.end / self.start) ** p)

    def build(self, tasks: Mapping[str, mtbench.Task]) -> AuxiliaryLoss:
        """Make the weighted sum."""
        names = list(tasks)
        main = names.index(self.main) if self.main in names else 0
        return AuxiliaryLoss(len(tasks), main, [self.weight(n) for n in range(self.epochs)])


class AuxiliaryLoss:
    """L_main + λ Σ_k L_k."""

    def __init__(self, tasks: int, main: int, weights: Sequence[float]) -> None:
        self.main = tf.one_hot(main, tasks)
        self.weights = tf.constant(weights, tf.float32)
        self.epoch = tf.Variable(0, trainable=False)

    def __call__(self, losses: Any) -> Any:
        """Losses, float32 `[tasks]`, to a scalar."""
        weight = tf.gather(self.weights, tf.minimum(self.epoch, len(self.weights) - 1))
        return tf.reduce_sum((self.main + weight * (1.0 - self.main)) * losses)

    def epoch_ended(self, losses: Any) -> None:
        """Count the epochs."""
        self.epoch.assign_add(1)


@mtbench.hookimpl
def mtbench_weightings() -> list[type[mtbench.Weighting]]:
    """Offer the strategy."""
    return [Auxiliary]
