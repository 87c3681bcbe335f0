"""MetaBalance (He et al., WWW 2022)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import tensorflow as tf
from pydantic import Field

import mtbench


class MetaBalance(mtbench.GradientWeighting):
    """Bring the auxiliary tasks' gradients to the length of the target task's.

    For each shared variable apart, with moving averages m of the lengths,
    m_i ← β m_i + (1 − β) ‖g_i‖, an auxiliary gradient becomes r (m_target / m_i) g_i + (1 − r) g_i,
    and the update is the sum of all (algorithm 1, strategy of larger and smaller gradients alike).
    """

    name = "metabalance"
    symmetric = False
    degree = 1
    main_option = "target"
    target: str | None = None
    """The task that matters; default: the suite's `main`, without one the first of the scenario.
    In a step without a label of it the first task that has one."""
    relax: float = Field(0.7, ge=0, le=1)
    """r: 1 makes lengths equal, 0 leaves them alone."""
    beta: float = Field(0.9, ge=0, lt=1)
    """β, how slowly the averages follow."""

    def check(self, tasks: Sequence[str]) -> Iterable[tuple[str, str]]:
        """Refuse a target that is not trained."""
        if self.target is not None and self.target not in tasks:
            yield "target", f"not a trained task{mtbench.did_you_mean(self.target, tasks)}"

    def build(self, tasks: Mapping[str, mtbench.Task], sizes: Sequence[int]) -> MetaBalanceUpdate:
        """Make the update."""
        names = list(tasks)
        target = names.index(self.target) if self.target in names else 0
        return MetaBalanceUpdate(len(tasks), target, list(sizes), self)


class MetaBalanceUpdate:
    """The update, with the averages of the lengths."""

    def __init__(self, tasks: int, target: int, sizes: list[int], options: MetaBalance) -> None:
        self.target, self.sizes = target, sizes
        self.relax, self.beta = options.relax, options.beta
        self.lengths = tf.Variable(tf.zeros([tasks, len(sizes)]), trainable=False)

    def __call__(self, losses: Any, gradients: Any) -> Any:
        """Losses `[tasks]` and gradients `[tasks, parameters]` to the update `[parameters]`."""
        blocks = tf.split(gradients, self.sizes, axis=1)
        lengths = tf.stack([tf.norm(block, axis=1) for block in blocks], 1)
        self.lengths.assign(self.beta * self.lengths + (1.0 - self.beta) * lengths)
        ratio = tf.math.divide_no_nan(self.lengths[self.target], self.lengths)
        # the target's own ratio is 1, but for a variable it has no gradient by
        factors = self.relax * ratio + (1.0 - self.relax)
        parts = zip(tf.unstack(factors, axis=1), blocks, strict=True)
        return tf.concat(
            [tf.linalg.matvec(block, factor, transpose_a=True) for factor, block in parts], 0
        )


@mtbench.hookimpl
def mtbench_weightings() -> list[type[mtbench.Weighting]]:
    """Offer the strategy."""
    return [MetaBalance]
