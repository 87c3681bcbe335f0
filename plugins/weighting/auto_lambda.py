"""Weights that lower the primary loss after a step (Liu et al., Auto-Lambda, TMLR 2022)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import tensorflow as tf
from pydantic import Field

import mtbench


class AutoLambda(mtbench.BatchesWeighting):
    """Learn weights λ by what a step with them would do to the primary losses on another batch.

    With θ' = θ − α Σ_i λ_i ∇L_i(θ) on the step's batch, λ goes down Σ_p L_p(θ') of a second batch,
    p the primary tasks (there eq. 3 and 4): its derivative by λ_i is −α Σ_p ∇L_p(θ') · ∇L_i(θ).
    The paper takes that inner product by finite differences, to spare memory; here it is exact. The
    step then minimises Σ_i λ_i L_i. λ has no bounds, as there.
    """

    name = "auto-lambda"
    weighs_heads = True
    degree = 1
    main_option = "primary"
    primary: str | None = None
    """The task whose loss the weights serve; default: the suite's `main`, without one every task.
    In a step without a label of it all that have one."""
    initial: float = Field(0.1, gt=0, allow_inf_nan=False)
    """λ at first."""
    inner_learning_rate: float = Field(0.1, gt=0, allow_inf_nan=False)
    """α, size of the step ahead."""
    learning_rate: float | None = Field(1e-3, gt=0, allow_inf_nan=False)
    """Learning rate of λ; null: that of the model."""

    @property
    def ahead(self) -> mtbench.Ahead:
        """θ'."""
        return mtbench.Ahead("gradients")

    def check(self, tasks: Sequence[str]) -> Iterable[tuple[str, str]]:
        """Refuse a primary task that is not trained."""
        if self.primary is not None and self.primary not in tasks:
            yield "primary", f"not a trained task{mtbench.did_you_mean(self.primary, tasks)}"

    def build(self, tasks: Mapping[str, mtbench.Task]) -> AutoLambdaWeights:
        """Make the weights."""
        names = list(tasks)
        some = [self.primary] if self.primary in names else names
        return AutoLambdaWeights([float(name in some) for name in names], self)


class AutoLambdaWeights:
    """The weights λ."""

    def __init__(self, primary: Sequence[float], options: AutoLambda) -> None:
        self.primary = tf.constant(primary, tf.float64)
        self.rate = options.inner_learning_rate
        self.weights = tf.Variable(tf.fill([len(primary)], options.initial), name="weights")

    def step_ahead(self) -> Any:
        """α λ."""
        return self.rate * self.weights

    def __call__(self, losses: Any, products: Callable[[int, int], Any]) -> Any:
        """Losses `[2, tasks]` and inner products to weights `[tasks]` and their objective."""
        slope = -self.rate * tf.linalg.matvec(products(1, 0), self.primary, transpose_a=True)
        weights = tf.cast(self.weights, tf.float64)
        return weights, tf.reduce_sum(weights * slope)


@mtbench.hookimpl
def mtbench_weightings() -> list[type[mtbench.Weighting]]:
    """Offer the strategy."""
    return [AutoLambda]
