"""Impartial multi-task learning, its gradient balance (Liu et al., ICLR 2021)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mtbench
from mtbench.kit import solvers


class IMTLG(mtbench.GramianWeighting):
    """An update with equal projections on the directions of all gradients (IMTL-G).

    α with Σ_i α_i = 1 and (Σ_i α_i g_i) · g_j / ‖g_j‖ equal for all j. With D the lengths and C the
    cosines that is α ∝ D⁻¹ C⁻¹ 1. A weight may be negative. Gradients that are linearly dependent
    have in general no such update but 0, at which training would stop; the pseudo-inverse C⁺ in
    place of C⁻¹ makes the projections equal by least squares.
    """

    name = "imtl-g"
    degree = 1

    def build(self, tasks: Mapping[str, mtbench.Task]) -> Any:
        """Make the weights."""
        return lambda losses, gramian: solvers.equal_projection_weights(gramian)


@mtbench.hookimpl
def mtbench_weightings() -> list[type[mtbench.Weighting]]:
    """Offer the strategy."""
    return [IMTLG]
