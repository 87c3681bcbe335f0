"""Autoencoders with emphasised dropout (Steck, NeurIPS 2020)."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

import mtbench
from mtbench.data import interaction_matrix
from mtbench.kit import ItemScores, co_occurrences, zero_diagonal_weights


class EDLAE(mtbench.Baseline):
    """A linear autoencoder of full rank that sees part of a query, scored on what was dropped.

    In expectation over dropout with probability p it minimises ‖X − X B‖² + ‖Λ^½ B‖² with a
    diagonal of zeros, Λ = p / (1 − p) diag(XᵀX) + λ I (section 3.2, with a = 1, b = 0): what is
    frequent is shrunk most. With p = 0 it is EASE.
    """

    name = "edlae"
    gives = ("scores",)
    dropout: float = Field(0.5, ge=0, lt=1)
    """p, the probability that one of a query's candidates is dropped."""
    l2: float = Field(400.0, gt=0, allow_inf_nan=False)
    """λ."""

    def fit(self, rows: mtbench.Interactions, labels: np.ndarray | None, seed: int) -> Any:
        """Invert XᵀX + Λ."""
        history = interaction_matrix(rows)
        counts = co_occurrences(history)
        penalties = self.dropout / (1 - self.dropout) * counts.diagonal() + self.l2
        return ItemScores(history, zero_diagonal_weights(counts, penalties))


@mtbench.hookimpl
def mtbench_baselines() -> list[type[mtbench.Baseline]]:
    """Offer the baseline."""
    return [EDLAE]
