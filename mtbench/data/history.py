"""What a query did before: the order of its training interactions in time."""

from __future__ import annotations

import numpy as np

from .interactions import Interactions


def in_time(train: Interactions) -> np.ndarray:
    """Return the rows ordered by query, and those of a query by time, int64 `[n]`.

    Interactions of one time, and all of them where no time is known, stay in their order.
    """
    time = train.columns.get("timestamp")
    return np.lexsort((train.query,) if time is None else (time, train.query))


def lengths(train: Interactions) -> np.ndarray:
    """Return how many training interactions each query has, int32 `[num_queries]`."""
    return np.bincount(train.query, minlength=train.num_queries).astype(np.int32)


def positions(train: Interactions) -> np.ndarray:
    """Return how many training interactions of its query lie before each row, int32 `[n]`."""
    order = in_time(train)
    sizes = lengths(train)
    starts = np.cumsum(sizes) - sizes
    before = np.empty(len(train), np.int32)
    before[order] = np.arange(len(train)) - np.repeat(starts, sizes)
    return before
