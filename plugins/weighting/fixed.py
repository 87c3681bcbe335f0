"""A weighted sum of the losses, with weights that stay."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any

import tensorflow as tf
from pydantic import Field

import mtbench


class Fixed(mtbench.LossWeighting):
    """Σ_i w_i L_i with given w_i, also called linear scalarisation."""

    name = "fixed"
    adaptive = False
    degree = 1
    weights: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = {}  # noqa: RUF012
    """Weight of each task; 1 for a task that is not named."""

    def check(self, tasks: Sequence[str]) -> Iterable[tuple[str, str]]:
        """Refuse weights of tasks that are not trained, and weights that are all 0."""
        for task in self.weights.keys() - set(tasks):
            yield f"weights.{task}", f"not a trained task{mtbench.did_you_mean(task, tasks)}"
        if not any(self.weights.get(task, 1.0) for task in tasks):
            yield "weights", "expected a weight above 0, found none"

    def build(self, tasks: Mapping[str, mtbench.Task]) -> Callable[[Any], Any]:
        """Make the weighted sum."""
        weights = [self.weights.get(task, 1.0) for task in tasks]
        return lambda losses: tf.reduce_sum(weights * losses)


@mtbench.hookimpl
def mtbench_weightings() -> list[type[mtbench.Weighting]]:
    """Offer the strategy."""
    return [Fixed]
