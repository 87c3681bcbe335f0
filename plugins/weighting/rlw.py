"""Random loss weighting (Lin et al., Reasonable Effectiveness of Random Weighting, TMLR 2022)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import tensorflow as tf

import mtbench


class RLW(mtbench.LossWeighting):
    """Σ_i w_i L_i with new random weights in every step, of mean 1 and sum T.

    `normal`: w = T softmax(z), z ~ N(0, I). `dirichlet`: w / T uniform on the simplex. The paper's
    weights sum to 1; T times that keeps the scale of equal weights.
    """

    name = "rlw"
    degree = 1
    distribution: Literal["normal", "dirichlet"] = "normal"
    """Where the weights come from."""

    def build(self, tasks: Mapping[str, mtbench.Task]) -> Any:
        """Make the weighted sum."""

        def combine(losses: Any) -> Any:
            if self.distribution == "normal":
                share = tf.nn.softmax(tf.random.normal([len(tasks)]))
            else:  # normalised exponentials are Dirichlet(1, …, 1)
                drawn = tf.random.gamma([len(tasks)], 1.0)
                share = drawn / tf.reduce_sum(drawn)
            return len(tasks) * tf.reduce_sum(share * losses)

        return combine


@mtbench.hookimpl
def mtbench_weightings() -> list[type[mtbench.Weighting]]:
    """Offer the strategy."""
    return [RLW]
