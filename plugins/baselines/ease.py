"""Embarrassingly shallow autoencoders (Steck, WWW 2019)."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

import mtbench
from mtbench.data import interaction_matrix
from mtbench.kit import ItemScores, co_occurrences, zero_diagonal_weights


class EASE(mtbench.Baseline):
    """Predict each candidate of a query linearly from its others.

    B minimises ‖X − X B‖² + λ ‖B‖² with a diagonal of zeros (eq. 3 and 4), X the zeros and ones of
    who has what; the scores are X B. In closed form (eq. 8), so that no seed matters. Memory and
    time grow with the catalogue: three matrices of its size squared, and their inversion.
    """

    name = "ease"
    gives = ("scores",)
    l2: float = Field(500.0, gt=0, allow_inf_nan=False)
    """λ. Data of more queries takes more."""

    def fit(self, rows: mtbench.Interactions, labels: np.ndarray | None, seed: int) -> Any:
        """Invert XᵀX + λ I."""
        history = interaction_matrix(rows)
        penalties = np.full(rows.num_candidates, self.l2)
        weights = zero_diagonal_weights(co_occurrences(history), penalties)
        return ItemScores(history, weights)


@mtbench.hookimpl
def mtbench_baselines() -> list[type[mtbench.Baseline]]:
    """Offer the baseline."""
    return [EASE]
