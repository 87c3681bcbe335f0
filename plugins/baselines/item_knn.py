"""Neighbours among the candidates (Deshpande and Karypis, ACM TOIS 2004)."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

import mtbench
from mtbench.data import interaction_matrix
from mtbench.kit import ItemScores, co_occurrences, keep_largest


class ItemKNN(mtbench.Baseline):
    """Score a candidate by its cosines with those of its nearest neighbours that a query has.

    With c_ji the queries that have both, the similarity is c_ji / (√(c_jj c_ii) + h): the cosine,
    shrunk where it rests on few.
    """

    name = "item-knn"
    gives = ("scores",)
    top_k: int = Field(200, ge=1)
    """Neighbours of each candidate."""
    shrinkage: float = Field(50.0, ge=0, allow_inf_nan=False)
    """h."""

    def fit(self, rows: mtbench.Interactions, labels: np.ndarray | None, seed: int) -> Any:
        """Compute the similarities and keep the largest of each candidate."""
        history = interaction_matrix(rows)
        similarity = co_occurrences(history)
        norms = np.sqrt(similarity.diagonal())
        np.fill_diagonal(similarity, 0.0)
        similarity /= np.maximum(np.outer(norms, norms) + self.shrinkage, 1.0)
        return ItemScores(history, keep_largest(similarity, self.top_k))


@mtbench.hookimpl
def mtbench_baselines() -> list[type[mtbench.Baseline]]:
    """Offer the baseline."""
    return [ItemKNN]
