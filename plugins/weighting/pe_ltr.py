"""Pareto-efficient learning to rank (Lin et al., PE-LTR, RecSys 2019)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import tensorflow as tf
from pydantic import Field

import mtbench
from mtbench.kit import solvers


class PELTR(mtbench.GramianWeighting):
    """MGDA with least weights c, solved in two steps: first without the bounds, then up to them.

    The paper asks for the w with the least ‖Σ_i w_i g_i‖², Σ_i w_i = 1 and w_i ≥ c_i. Its solver
    takes the ω with Σ_i ω_i = 1 alone, from the linear system G ω + λ 1 = 0, 1ᵀ ω = 1, and then
    the nearest w to it that keeps to the bounds. For two tasks that is the solution, for more tasks
    it need not be. Weights apply to the heads too, since the paper minimises Σ_i w_i L_i by all
    parameters. They are those of the gradients of the batch they weigh; the authors' code, which
    has c = 0, uses them in the next step.
    """

    name = "pe-ltr"
    degree = 1
    weighs_heads = True
    least: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = {}  # noqa: RUF012
    """c: the least weight of each task; 0 for a task that is not named. Their sum is below 1."""

    def check(self, tasks: Sequence[str]) -> Iterable[tuple[str, str]]:
        """Refuse bounds of tasks that are not trained, and bounds that leave nothing to choose."""
        for task in self.least.keys() - set(tasks):
            yield f"least.{task}", f"not a trained task{mtbench.did_you_mean(task, tasks)}"
        total = sum(self.least.values())
        if total >= 1:
            yield "least", f"expected a sum below 1, found {total:g}"

    def build(self, tasks: Mapping[str, mtbench.Task]) -> Any:
        """Make the weights."""
        least = tf.constant([self.least.get(task, 0.0) for task in tasks], tf.float64)
        rest = 1.0 - tf.reduce_sum(least)

        def weigh(losses: Any, gramian: Any) -> Any:
            free = solvers.least_norm_weights(gramian)
            return least + rest * solvers.simplex_projection((free - least) / rest)

        return weigh


@mtbench.hookimpl
def mtbench_weightings() -> list[type[mtbench.Weighting]]:
    """Offer the strategy."""
    return [PELTR]
