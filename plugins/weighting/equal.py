"""Equal weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

import mtbench


class Equal(mtbench.LossWeighting):
    """Σ_i L_i: what every other strategy has to beat, at the price of nothing."""

    name = "equal"
    adaptive = False
    degree = 1

    def build(self, tasks: Mapping[str, mtbench.Task]) -> Any:
        """Make the sum."""
        return tf.reduce_sum


@mtbench.hookimpl
def mtbench_weightings() -> list[type[mtbench.Weighting]]:
    """Offer the strategy."""
    return [Equal]
