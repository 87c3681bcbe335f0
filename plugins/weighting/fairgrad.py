"""Fair resource allocation (Ban and Ji, FairGrad, ICML 2024)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

import mtbench
from mtbench.kit import solvers


class FairGrad(mtbench.GramianWeighting):
    """α-fair utilities Σ_i (g_i · d)^(1−α) / (1−α) of the update d.

    Σ_i w_i g_i with w > 0 and Gw = w^(−1/α), entry by entry. α = 1 is Nash-MTL; α → ∞ is MGDA.
    """

    name = "fairgrad"
    alpha: float = Field(2.0, ge=0.5, le=5)
    """α, how much the worst task counts. The solver is good for ½ to 5."""

    def build(self, tasks: Mapping[str, mtbench.Task]) -> Any:
        """Make the weights."""
        return lambda losses, gramian: solvers.reciprocal_weights(gramian, 1.0 / self.alpha)


@mtbench.hookimpl
def mtbench_weightings() -> list[type[mtbench.Weighting]]:
    """Offer the strategy."""
    return [FairGrad]
