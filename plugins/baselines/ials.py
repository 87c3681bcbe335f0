"""Implicit alternating least squares (Hu, Koren and Volinsky, ICDM 2008)."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

import mtbench
from mtbench.data import interaction_matrix
from mtbench.kit import RowRidge
from mtbench.metrics import dot_product


class IALS(mtbench.Baseline):
    """Factorise who has what, where all that is missing counts a little.

    Minimises Σ_{(u,i)} (1 − p_u · q_i)² + α₀ Σ_{u,i} (p_u · q_i)² + λ (Σ_u (n_u + α₀ I)^ν ‖p_u‖² +
    Σ_i (n_i + α₀ U)^ν ‖q_i‖²), the first sum over what is there, n its number for a query or a
    candidate, I candidates and U queries (Rendle et al., "Revisiting the performance of iALS",
    RecSys 2022, eq. 2 and 5). One side after the other is solved exactly.
    """

    name = "ials"
    gives = ("scores",)
    embedding_dim: int = Field(64, ge=1)
    """Length of p and q."""
    unobserved_weight: float = Field(0.1, gt=0, allow_inf_nan=False)
    """α₀."""
    l2: float = Field(0.03, gt=0, allow_inf_nan=False)
    """λ."""
    frequency_exponent: float = Field(1.0, ge=0, allow_inf_nan=False)
    """ν; 1 for a penalty by what each appears in, 0 for the same of all."""
    epochs: int = Field(10, ge=1)
    """How often each side is solved."""

    def fit(self, rows: mtbench.Interactions, labels: np.ndarray | None, seed: int) -> Any:
        """Alternate, from small random vectors of the candidates."""
        query, candidate = interaction_matrix(rows).nonzero()
        by_query = RowRidge(query, candidate, rows.num_queries)
        by_candidate = RowRidge(candidate, query, rows.num_candidates)
        scale = 0.1 / np.sqrt(self.embedding_dim)
        shape = (rows.num_candidates, self.embedding_dim)
        candidates = np.random.default_rng(seed).normal(0.0, scale, shape)
        queries = self.solve(by_query, candidates)
        for _ in range(self.epochs):
            candidates = self.solve(by_candidate, queries)
            queries = self.solve(by_query, candidates)
        queries[by_query.counts == 0] = queries[by_query.counts > 0].mean(0)
        return Factors(queries, candidates)

    def solve(self, ridge: RowRidge, others: np.ndarray) -> np.ndarray:
        """Vectors of one side, given those of the other."""
        frequency = (ridge.counts + self.unobserved_weight * len(others)) ** self.frequency_exponent
        penalties = np.repeat(self.l2 * frequency[:, None], self.embedding_dim, axis=1)
        gram = self.unobserved_weight * (others.T @ others)
        return ridge.solve(others, np.ones(ridge.counts.sum()), penalties, gram)


class Factors:
    """Vectors of both sides; a query without a row has the mean of the others."""

    def __init__(self, queries: np.ndarray, candidates: np.ndarray) -> None:
        self.queries, self.candidates = queries, candidates
        self._product = dot_product(candidates)

    def scores(self, queries: np.ndarray) -> np.ndarray:
        """Dot products, float64 `[n, num_candidates]`."""
        return self._product(self.queries[queries])


@mtbench.hookimpl
def mtbench_baselines() -> list[type[mtbench.Baseline]]:
    """Offer the baseline."""
    return [IALS]
