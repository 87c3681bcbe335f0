"""SVD++ (Koren, KDD 2008)."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

import mtbench
from mtbench.data import interaction_matrix
from mtbench.kit import RowRidge


class SVDpp(mtbench.Baseline):
    """Matrix factorisation where what a query has labelled, and not only how, says who it is.

    r̂_ui = μ + b_u + b_i + q_i · (p_u + z_u), z_u = |N(u)|^−½ Σ_{j ∈ N(u)} y_j (eq. 15), N(u) the
    candidates of a query's rows. Minimises Σ (r_ui − r̂_ui)² + λ (b_u² + b_i² + ‖p_u‖² + ‖q_i‖² +
    Σ_{j ∈ N(u)} ‖y_j‖²) over the rows, with a λ of its own for y. The paper descends row by row;
    here p and q with their biases are solved exactly, one after the other, and y, of which a row
    holds many, by some steps of conjugate gradients. What has no row is predicted without its own
    terms.
    """

    name = "svdpp"
    gives = ("predictions",)
    embedding_dim: int = Field(32, ge=1)
    """Length of p, q and y."""
    l2: float = Field(0.15, gt=0, allow_inf_nan=False)
    """λ of all but y."""
    implicit_l2: float = Field(0.01, gt=0, allow_inf_nan=False)
    """λ of y."""
    epochs: int = Field(10, ge=1)
    """How often each of p, q and y is solved."""
    steps: int = Field(5, ge=1)
    """Of conjugate gradients in an epoch."""

    def fit(self, rows: mtbench.Interactions, labels: np.ndarray | None, seed: int) -> Any:
        """Alternate, from small random vectors of the candidates."""
        labels = np.asarray(labels, np.float64)
        dim, query, candidate = self.embedding_dim, rows.query, rows.candidate
        by_query = RowRidge(query, candidate, rows.num_queries)
        by_candidate = RowRidge(candidate, query, rows.num_candidates)
        implicit = Implicit(rows, by_query, self.implicit_l2, dim)
        start = np.zeros((rows.num_candidates, dim + 1))
        start[:, :-1] = np.random.default_rng(seed).normal(0.0, 0.1, (rows.num_candidates, dim))
        fitted = Factors(labels.mean(), np.zeros((rows.num_queries, dim + 1)), implicit.z(), start)
        for _ in range(self.epochs):
            p, q = fitted.queries, fitted.candidates
            own = np.einsum("nd,nd->n", p[query, :-1], q[candidate, :-1])
            rest = labels - fitted.mean - q[candidate, -1]
            fitted.implicit = implicit.solve(q[:, :-1], rest - p[query, -1] - own, self.steps)
            of_implicit = np.einsum("nd,nd->n", fitted.implicit[query], q[candidate, :-1])
            p = fitted.queries = self.solve(by_query, q[:, :-1], rest - of_implicit)
            rest = labels - fitted.mean - p[query, -1]
            fitted.candidates = self.solve(by_candidate, p[:, :-1] + fitted.implicit, rest)
        return fitted

    def solve(self, ridge: RowRidge, others: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Vectors of one side, the bias last, given what they are multiplied with."""
        features = np.concatenate([others, np.ones((len(others), 1))], axis=1)
        penalties = np.repeat(self.l2 * ridge.counts[:, None], features.shape[1], axis=1)
        return ridge.solve(features, targets, penalties)


class Implicit:
    """The vectors y of what queries have labelled, and what is fixed in their regression.

    Args:
        rows: The rows.
        by_query: The same by query.
        l2: λ.
        dim: Length of the vectors.

    Attributes:
        y: `[num_candidates, dim]`.
    """

    def __init__(self, rows: mtbench.Interactions, by_query: RowRidge, l2: float, dim: int) -> None:
        history = interaction_matrix(rows).astype(np.float64)
        self.by_query, self.penalties = by_query, l2 * (history.T @ by_query.counts)[:, None]
        sizes = np.maximum(np.diff(history.indptr), 1.0)
        self.share = history.multiply(sizes[:, None] ** -0.5).tocsr()
        self.y = np.zeros((rows.num_candidates, dim))

    def z(self) -> np.ndarray:
        """What is known of each query by what it has labelled, `[num_queries, dim]`."""
        return np.asarray(self.share @ self.y)

    def solve(self, q: np.ndarray, targets: np.ndarray, steps: int) -> np.ndarray:
        """Minimise Σ (t_ui − q_i · z_u)² + Σ_j penalty_j ‖y_j‖² over y, or come closer; give z.

        Args:
            q: Vectors of the candidates, `[num_candidates, dim]`.
            targets: t of each row.
            steps: Of conjugate gradients, from y as it is, preconditioned by the diagonal.
        """
        grams, sums = self.by_query.moments(q, targets, np.arange(self.share.shape[0]))
        diagonal = self.share.power(2).T @ np.einsum("ukk->uk", grams) + self.penalties

        def normal(y: np.ndarray) -> Any:
            return (
                self.share.T @ np.einsum("ukl,ul->uk", grams, self.share @ y) + self.penalties * y
            )

        rest = self.share.T @ sums - normal(self.y)
        scaled = _divided(rest, diagonal)
        direction, square = scaled, np.vdot(rest, scaled)
        for _ in range(steps):
            image = normal(direction)
            length = _divided(square, np.vdot(direction, image))
            self.y = self.y + length * direction
            rest = rest - length * image
            scaled = _divided(rest, diagonal)
            before, square = square, np.vdot(rest, scaled)
            direction = scaled + _divided(square, before) * direction
        return self.z()


def _divided(numerator: Any, denominator: Any) -> Any:
    """The ratio; 0 where the denominator is."""
    zero = np.equal(denominator, 0)
    return np.where(zero, 0.0, numerator / np.where(zero, 1.0, denominator))


class Factors:
    """The fitted numbers.

    Attributes:
        mean: μ.
        queries: p and, last, the bias: `[num_queries, dim + 1]`.
        implicit: z, `[num_queries, dim]`.
        candidates: q and, last, the bias: `[num_candidates, dim + 1]`.
    """

    def __init__(
        self, mean: float, queries: np.ndarray, implicit: np.ndarray, candidates: np.ndarray
    ) -> None:
        self.mean, self.queries, self.implicit = mean, queries, implicit
        self.candidates = candidates

    def predictions(self, query: np.ndarray, candidate: np.ndarray) -> np.ndarray:
        """A number for each pair, float64 `[n]` (eq. 15)."""
        p, q = self.queries[query], self.candidates[candidate]
        dot = np.einsum("nd,nd->n", p[:, :-1] + self.implicit[query], q[:, :-1])
        return np.asarray(self.mean + p[:, -1] + q[:, -1] + dot)


@mtbench.hookimpl
def mtbench_baselines() -> list[type[mtbench.Baseline]]:
    """Offer the baseline."""
    return [SVDpp]
