"""Slices of the test part: what is popular and what is not, and what the training part lacks.

- `head`: the fewest candidates that make 80 % of the training rows, the most popular first, of
  equal ones the lower id. `tail`: the others that have a training row.
- `cold_candidate`, `cold_query`: those without a training row. So every candidate is in one of
  `head`, `tail` and `cold_candidate`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

import numpy as np

from mtbench.data.interactions import Interactions

Slice = Literal["head", "tail", "cold_query", "cold_candidate"]
"""Part of the test rows: of popular candidates, of others, or without a training row."""
SLICES: tuple[Slice, ...] = get_args(Slice)
"""Every one of them."""
HEAD_SHARE = 0.8
"""Share of the training rows that the head makes up."""


def in_slice(name: Slice, train: Interactions, rows: Interactions) -> np.ndarray:
    """Whether each row is in a slice, bool `[len(rows)]`.

    Args:
        name: Of the slice.
        train: The training part.
        rows: Any interactions, such as the test part.
    """
    if name == "cold_query":
        return np.asarray(np.bincount(train.query, minlength=train.num_queries)[rows.query] == 0)
    counts = np.bincount(train.candidate, minlength=train.num_candidates)
    head = _head(counts)
    there = {"head": head, "tail": ~head & (counts > 0), "cold_candidate": counts == 0}
    return np.asarray(there[name][rows.candidate])


def _head(counts: np.ndarray) -> np.ndarray:
    """Whether each candidate is in the head, bool `[num_candidates]`."""
    order = np.argsort(-counts, kind="stable")
    before = np.cumsum(counts[order]) - counts[order]
    head = np.empty(len(counts), bool)
    head[order] = before < HEAD_SHARE * counts.sum()
    return head


def in_parts(
    slices: Iterable[Slice], train: Interactions, rows: Interactions
) -> dict[str, np.ndarray]:
    """Whether each row is in the whole, and in each slice, by the suffix of its metrics.

    Args:
        slices: Their names.
        train: The training part.
        rows: Such as the test part.

    Returns:
        bool `[len(rows)]` by `""`, and such as `"_tail"`.
    """
    parts = {f"_{name}": in_slice(name, train, rows) for name in slices}
    return {"": np.ones(len(rows), bool), **parts}


def slice_counts(train: Interactions, test: Interactions) -> dict[str, dict[str, int]]:
    """Count what of the test part is in each slice: `{slice: {rows, queries, candidates}}`."""
    counts: dict[str, dict[str, int]] = {}
    for name in SLICES:
        rows = test.take(np.flatnonzero(in_slice(name, train, test)))
        counts[name] = {
            "rows": len(rows),
            "queries": len(np.unique(rows.query)),
            "candidates": len(np.unique(rows.candidate)),
        }
    return counts
