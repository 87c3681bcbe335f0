"""Random walks of three steps (Paudel et al., ACM TiiS 2017)."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

import mtbench
from mtbench.data import interaction_matrix
from mtbench.kit import ItemScores, co_occurrences, keep_largest


class RP3beta(mtbench.Baseline):
    """Walk from a query to one of its candidates, to a query that has it, to one of that one's.

    Each probability of a step is raised to the power of α (P³α, Cooper et al., WWW 2014), and what
    the walk ends at is divided by its number of queries to the power of β (RP³β): popular
    candidates are reached easily. The probability of the first step, which is the same for all of a
    query's candidates, is left out.
    """

    name = "rp3beta"
    gives = ("scores",)
    alpha: float = Field(1.0, ge=0, allow_inf_nan=False)
    """α."""
    beta: float = Field(0.4, ge=0, allow_inf_nan=False)
    """β; 0 for P³α."""
    top_k: int = Field(100, ge=1)
    """From each candidate only the walks to so many others are kept, the likeliest."""

    def fit(self, rows: mtbench.Interactions, labels: np.ndarray | None, seed: int) -> Any:
        """Multiply the probabilities of the last two steps, summed over the queries between."""
        history = interaction_matrix(rows)
        of_query = np.maximum(np.diff(history.indptr), 1) ** -self.alpha
        of_candidate = np.maximum(np.bincount(history.indices, minlength=history.shape[1]), 1.0)
        walks = co_occurrences(history, of_query)
        np.fill_diagonal(walks, 0.0)
        walks *= of_candidate[:, None] ** -self.alpha * of_candidate**-self.beta
        return ItemScores(history, keep_largest(walks.T, self.top_k).T.tocsr())


@mtbench.hookimpl
def mtbench_baselines() -> list[type[mtbench.Baseline]]:
    """Offer the baseline."""
    return [RP3beta]
