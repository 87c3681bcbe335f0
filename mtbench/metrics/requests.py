"""What lists are asked for: by a query, or by a query in a context."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mtbench.data.context import requests_of
from mtbench.data.interactions import Interactions

from .places import Score
from .predictions import mean_by_query

Array = np.ndarray


@dataclass(frozen=True)
class OfRequests:
    """Scores in a context: a function of requests, where that of others is one of queries."""

    score: Score

    def __call__(self, requests: Array) -> Array:
        """The scores of some requests, by their numbers, float `[n, num_candidates]`."""
        return self.score(requests)


class ByRequest:
    """What the rows of a part with a context ask for, each request as if by a query of its own.

    Args:
        test: The rows.
    """

    def __init__(self, test: Interactions) -> None:
        self._numbers, first, of_row = requests_of(test)
        self._owner, self._num_queries = test.query[first], test.num_queries
        self.test = self._rows(of_row, test.candidate, test)

    def known(self, known: Interactions) -> Interactions:
        """What the query of each request has had."""
        order = np.argsort(known.query, kind="stable")
        counts = np.bincount(known.query, minlength=known.num_queries)
        starts, sizes = (np.cumsum(counts) - counts)[self._owner], counts[self._owner]
        request = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
        within = np.arange(len(request)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        rows = order[np.repeat(starts, sizes) + within]
        return self._rows(request, known.candidate[rows], known)

    def score(self, score: Score) -> Score:
        """The scores of requests, by their places among those of `test`."""
        names: Any = self._numbers if isinstance(score, OfRequests) else self._owner
        return lambda requests: score(names[requests])

    def by_query(self, values: Array) -> Array:
        """Means over the requests of each query that have a value, float64 `[num_queries]`."""
        there = ~np.isnan(values)
        return mean_by_query(values[there], self._owner[there], self._num_queries)

    def _rows(self, request: Array, candidate: Array, rows: Interactions) -> Interactions:
        columns = {"query": request, "candidate": candidate}
        return Interactions(columns, len(self._owner), rows.num_candidates, rows.seals)
