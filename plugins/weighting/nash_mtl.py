"""Multi-task learning as a bargaining game (Navon et al., ICML 2022)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mtbench
from mtbench.kit import solvers


class NashMTL(mtbench.GramianWeighting):
    """The Nash bargaining solution among tasks whose utility is the inner product with the update.

    Σ_i α_i g_i with α > 0 and Gα = 1/α (claim 3.1). It does not depend on the scale of any loss,
    and its length is √T.
    """

    name = "nash-mtl"
    degree = 0

    def build(self, tasks: Mapping[str, mtbench.Task]) -> Any:
        """Make the weights."""
        return lambda losses, gramian: solvers.reciprocal_weights(gramian, 1.0)


@mtbench.hookimpl
def mtbench_weightings() -> list[type[mtbench.Weighting]]:
    """Offer the strategy."""
    return [NashMTL]
