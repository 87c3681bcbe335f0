"""The relevant candidates of each query, and the groups of equal score they stand in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .places import Places

Array = np.ndarray


@dataclass(frozen=True)
class Relevant:
    """The relevant candidates of the queries, each once.

    Write p for `places.better` and g for `places.equal`: a candidate is one of g on the ranks
    p + 1 to p + g.
    """

    query: Array
    """Whose it is, int `[n]`."""
    places: Places
    """Where it stands, `[n]`."""
    num_queries: int

    @property
    def count(self) -> Array:
        """Number |R| of each query's relevant candidates, int64 `[num_queries]`."""
        return np.bincount(self.query, minlength=self.num_queries)

    def by_query(self, values: Array, divisor: Array | float = 1.0) -> Array:
        """Sum of each query's values over a divisor, float64, NaN without a relevant candidate."""
        sums = np.bincount(self.query, values, self.num_queries)
        return np.where(self.count > 0, sums / np.where(self.count > 0, divisor, 1), np.nan)

    def groups(self) -> Groups:
        """Put together what stands on the same ranks of the same query."""
        better = self.places.better
        keys = self.query.astype(np.int64) * (better.max(initial=0) + 1) + better
        _, first, tied = np.unique(keys, return_index=True, return_counts=True)
        query, before = self.query[first], np.cumsum(tied) - tied
        ahead = before - before[np.searchsorted(query, query)]
        return Groups(query, better[first], self.places.equal[first], tied, ahead)


@dataclass(frozen=True)
class Groups:
    """Groups of a query's candidates of one score that have a relevant one, the best first."""

    query: Array
    better: Array
    """p, how many candidates are above the group."""
    equal: Array
    """g, its size."""
    relevant: Array
    """m, how many of it are relevant."""
    ahead: Array
    """b, how many relevant candidates are above it."""
