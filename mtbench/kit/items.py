"""Item-based baselines, in NumPy and SciPy: scores that are linear in what a query has."""

from __future__ import annotations

from typing import Any

import numpy as np

from mtbench.errors import DataError

_BLOCK = 4096
"""Queries that are dense at once."""


class ItemScores:
    """Scores of all candidates, each a sum over the candidates that a query has.

    A query that has none is given the candidates' numbers of queries instead, the order by
    popularity.

    Args:
        history: What queries have, CSR `[num_queries, num_candidates]`.
        weights: What having one candidate (row) adds to the score of another (column), dense or
            CSR `[num_candidates, num_candidates]`.
    """

    def __init__(self, history: Any, weights: Any) -> None:
        self._history, self._weights = history, weights
        self._popularity = np.bincount(history.indices, minlength=history.shape[1])

    def scores(self, queries: np.ndarray) -> np.ndarray:
        """Scores of all candidates for some queries, float `[n, num_candidates]`."""
        history = self._history[queries]
        product = history @ self._weights  # SciPy's: row by row, in one order of summation
        scores = np.asarray(product if isinstance(product, np.ndarray) else product.toarray())
        scores[np.diff(history.indptr) == 0] = self._popularity
        return scores


def co_occurrences(history: Any, query_weights: np.ndarray | None = None) -> np.ndarray:
    """Return Σ_u w_u x_uj x_ui: in how many queries each pair of candidates is.

    Args:
        history: CSR of zeros and ones, `[num_queries, num_candidates]`.
        query_weights: w, above 0, `[num_queries]`; default: 1, for which the result is exact.

    Returns:
        float64 `[num_candidates, num_candidates]`, of which the diagonal counts a candidate's
        queries.
    """
    counts = np.zeros((history.shape[1],) * 2)
    for start in range(0, history.shape[0], _BLOCK):
        block = history[start : start + _BLOCK].toarray()  # float32, enough for 2²⁴ queries
        if query_weights is not None:
            block = block * np.sqrt(query_weights[start : start + _BLOCK, None])
        counts += block.T @ block
    return counts


def zero_diagonal_weights(counts: np.ndarray, penalties: np.ndarray) -> np.ndarray:
    """Minimise ‖X − X B‖² + Σ_j penalty_j Σ_i B_ji² over B with a diagonal of zeros.

    With P = (XᵀX + diag(penalties))⁻¹ it is B_ji = −P_ji / P_ii (Steck, WWW 2019, eq. 8).

    Args:
        counts: XᵀX, `[num_candidates, num_candidates]`.
        penalties: Each above 0, `[num_candidates]`.

    Returns:
        float64 `[num_candidates, num_candidates]`.

    Raises:
        DataError: The penalties are too small for it to have one solution.
    """
    from scipy.linalg import lapack  # noqa: PLC0415 - a third of a second

    gram = np.array(counts, np.float64, order="F")
    np.fill_diagonal(gram, gram.diagonal() + penalties)
    factor, fault = lapack.dpotrf(gram, lower=1, overwrite_a=1)
    if fault:
        raise DataError("XᵀX with its penalties cannot be inverted: raise l2")
    inverse, _ = lapack.dpotri(factor, lower=1, overwrite_c=1)  # half the work of `inv`
    weights = np.tril(inverse) + np.tril(inverse, -1).T
    weights /= -weights.diagonal().copy()
    np.fill_diagonal(weights, 0.0)
    return np.asarray(weights)


def keep_largest(weights: np.ndarray, top_k: int) -> Any:
    """Keep the largest positive weights of each column, those of lower rows among equal ones.

    Args:
        weights: `[rows, columns]`.
        top_k: How many to keep.

    Returns:
        `scipy.sparse.csr_array` of the same shape.
    """
    from scipy import sparse  # noqa: PLC0415 - a third of a second

    row = np.argsort(-weights, axis=0, kind="stable")[:top_k]
    column = np.broadcast_to(np.arange(weights.shape[1]), row.shape)
    values = weights[row, column]
    kept = values > 0
    entries = (values[kept], (row[kept], column[kept]))
    return sparse.coo_array(entries, shape=weights.shape).tocsr()
