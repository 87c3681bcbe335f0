"""Geometric loss strategy (Chennupati et al., MultiNet++, CVPR Workshops 2019)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

import mtbench


class GLS(mtbench.LossWeighting):
    """(Π_i L_i)^(1/T), the geometric mean of the losses; it is computed through logarithms.

    A task's weight is the mean divided by T L_i.
    """

    name = "gls"
    degree = 1

    def build(self, tasks: Mapping[str, mtbench.Task]) -> Any:
        """Make the mean."""
        return lambda losses: tf.exp(tf.reduce_mean(tf.math.log(losses)))


@mtbench.hookimpl
def mtbench_weightings() -> list[type[mtbench.Weighting]]:
    """Offer the strategy."""
    return [GLS]
