"""Conflict-averse gradient descent (Liu et al., NeurIPS 2021)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

import mtbench
from mtbench.kit import solvers


class CAGrad(mtbench.GramianWeighting):
    """Within a ball around the mean gradient, help the worst task most.

    d maximises min_i g_i · d subject to ‖d − g_0‖ ≤ c ‖g_0‖, where g_0 is the mean (eq. 3):
    d = g_0 + c ‖g_0‖ g_w / ‖g_w‖ for the w of its dual (eq. 4). The authors' code also divides d by
    1 + c²; the paper, and this, do not.
    """

    name = "cagrad"
    degree = 1
    most_tasks = solvers.MOST_TASKS
    c: float = Field(0.5, ge=0, allow_inf_nan=False)
    """Radius of the ball, in lengths of the mean gradient; 0 is the mean, much is MGDA."""

    def build(self, tasks: Mapping[str, mtbench.Task]) -> Any:
        """Make the weights."""
        return lambda losses, gramian: solvers.conflict_averse_weights(gramian, self.c)


@mtbench.hookimpl
def mtbench_weightings() -> list[type[mtbench.Weighting]]:
    """Offer the strategy."""
    return [CAGrad]
