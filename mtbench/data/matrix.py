"""Interactions as a sparse matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from .interactions import Interactions


def interaction_matrix(rows: Interactions) -> Any:
    """Return which query has which candidate; a pair that is there repeatedly counts once.

    Args:
        rows: Interactions.

    Returns:
        `scipy.sparse.csr_array` of ones, float32 `[num_queries, num_candidates]`, with the
        candidates of a query in ascending order, whatever the order of the rows.
    """
    from scipy import sparse  # noqa: PLC0415 - a third of a second, and a suite is read without it

    shape = (rows.num_queries, rows.num_candidates)
    pairs = np.unique(rows.query.astype(np.int64) * rows.num_candidates + rows.candidate)
    query, candidate = np.divmod(pairs, rows.num_candidates)
    starts = np.concatenate([[0], np.cumsum(np.bincount(query, minlength=rows.num_queries))])
    ones = np.ones(len(pairs), np.float32)
    return sparse.csr_array((ones, candidate.astype(np.int32), starts), shape=shape)
