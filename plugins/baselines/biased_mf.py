"""Matrix factorisation with biases (Koren, Bell and Volinsky, IEEE Computer 2009)."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

import mtbench
from mtbench.kit import RowRidge


class BiasedMF(mtbench.Baseline):
    """μ + b_u + b_i + p_u · q_i, fitted to labels by alternating least squares.

    Minimises Σ (r_ui − μ − b_u − b_i − p_u · q_i)² + λ (‖p_u‖² + ‖q_i‖² + b_u² + b_i²) over the
    rows (eq. 5), μ their mean. One side after the other is solved exactly. What has no row is
    predicted without its own terms.
    """

    name = "biased-mf"
    gives = ("predictions",)
    embedding_dim: int = Field(32, ge=1)
    """Length of p and q."""
    l2: float = Field(0.15, gt=0, allow_inf_nan=False)
    """λ, of every row."""
    epochs: int = Field(15, ge=1)
    """How often each side is solved."""

    def fit(self, rows: mtbench.Interactions, labels: np.ndarray | None, seed: int) -> Any:
        """Alternate, from small random vectors of the candidates."""
        labels = np.asarray(labels, np.float64)
        by_query = RowRidge(rows.query, rows.candidate, rows.num_queries)
        by_candidate = RowRidge(rows.candidate, rows.query, rows.num_candidates)
        mean = labels.mean()
        rng = np.random.default_rng(seed)
        candidates = np.zeros((rows.num_candidates, self.embedding_dim + 1))
        candidates[:, :-1] = rng.normal(0.0, 0.1, (rows.num_candidates, self.embedding_dim))
        for _ in range(self.epochs):
            queries = self.solve(
                by_query, candidates, labels - mean - candidates[rows.candidate, -1]
            )
            candidates = self.solve(by_candidate, queries, labels - mean - queries[rows.query, -1])
        return Factors(mean, queries, candidates)

    def solve(self, ridge: RowRidge, others: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Vectors of one side, the bias last, given those of the other."""
        features = np.concatenate([others[:, :-1], np.ones((len(others), 1))], axis=1)
        penalties = np.repeat(self.l2 * ridge.counts[:, None], features.shape[1], axis=1)
        return ridge.solve(features, targets, penalties)


class Factors:
    """Vectors and biases of both sides, `[n, embedding_dim + 1]`, the bias last."""

    def __init__(self, mean: float, queries: np.ndarray, candidates: np.ndarray) -> None:
        self.mean, self.queries, self.candidates = mean, queries, candidates

    def predictions(self, query: np.ndarray, candidate: np.ndarray) -> np.ndarray:
        """A number for each pair, float64 `[n]`."""
        of_query, of_candidate = self.queries[query], self.candidates[candidate]
        dot = np.einsum("nd,nd->n", of_query[:, :-1], of_candidate[:, :-1])
        return np.asarray(self.mean + of_query[:, -1] + of_candidate[:, -1] + dot)


@mtbench.hookimpl
def mtbench_baselines() -> list[type[mtbench.Baseline]]:
    """Offer the baseline."""
    return [BiasedMF]
