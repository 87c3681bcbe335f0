"""Ridge regressions of many rows at once, the step of alternating least squares, in NumPy."""

from __future__ import annotations

import numpy as np

_BLOCK = 1024
"""Systems that are solved at once."""


class RowRidge:
    """For each row of a table of observations, a ridge regression on vectors of its columns.

    Args:
        row: Row of each observation, int `[n]`.
        column: Column of each observation, int `[n]`.
        num_rows: Number of rows; one may have no observation.
    """

    def __init__(self, row: np.ndarray, column: np.ndarray, num_rows: int) -> None:
        self._order = np.lexsort((column, row))
        self._column = column[self._order]
        self.counts = np.bincount(row, minlength=num_rows)
        self._starts = np.concatenate([[0], np.cumsum(self.counts)])

    def solve(
        self,
        features: np.ndarray,
        targets: np.ndarray,
        penalties: np.ndarray,
        gram: np.ndarray | float = 0.0,
    ) -> np.ndarray:
        """Minimise Σ (t − w · x)² + Σ_k penalty_k w_k² + wᵀ G w over w, for each row.

        Args:
            features: x of each column, `[columns, dim]`.
            targets: t of each observation, `[n]`.
            penalties: Of each row, `[num_rows, dim]`.
            gram: G, `[dim, dim]`, the same for all rows.

        Returns:
            w of each row, float64 `[num_rows, dim]`; 0 where it has no observation.
        """
        weights = np.zeros((len(self.counts), features.shape[1]))
        present = np.flatnonzero(self.counts)
        diagonal = range(features.shape[1])
        for start in range(0, len(present), _BLOCK):
            rows = present[start : start + _BLOCK]
            left, right = self.moments(features, targets, rows)
            left += gram
            left[:, diagonal, diagonal] += penalties[rows]
            weights[rows] = np.linalg.solve(left, right[:, :, None])[:, :, 0]
        return weights

    def moments(
        self, features: np.ndarray, targets: np.ndarray, rows: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return Σ x xᵀ and Σ t x over the observations of some rows.

        Args:
            features: x of each column, `[columns, dim]`.
            targets: t of each observation, `[n]`.
            rows: Their numbers, int `[rows]`.

        Returns:
            float64 `[rows, dim, dim]` and `[rows, dim]`.
        """
        targets, dim = targets[self._order], features.shape[1]
        left, right = np.empty((len(rows), dim, dim)), np.empty((len(rows), dim))
        for at, row in enumerate(rows):
            mine = slice(self._starts[row], self._starts[row + 1])
            x = features[self._column[mine]]
            left[at], right[at] = x.T @ x, targets[mine] @ x
        return left, right
