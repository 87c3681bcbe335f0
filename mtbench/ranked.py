"""What is found of the test rows in the ranked catalogue: by scores, or in a random order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from . import list_metrics
from .data import Interactions
from .ranks import Places, Score, Seen, rank

Array = np.ndarray
Protocol = Literal["kept", "removed"]
"""Whether what a query has had stays in its ranking."""
OF_LISTS = ("coverage", "gini", "popularity", "novelty")
"""Metrics of the lists themselves, whatever is relevant."""


class _Ranked:
    """What both have.

    Attributes:
        places: By protocol the place of each test row's candidate, where `removed` leaves all
            test rows' candidates in.
        queries: Those with a test row, ascending.
    """

    def __init__(self, train: Interactions, known: Interactions, test: Interactions) -> None:
        self.test, self.queries = test, np.unique(test.query)
        self.places: dict[Protocol, Places] = {}
        seen = Seen.of(known)
        others = seen.without(test.query, test.candidate)
        self.removed: dict[Protocol, Seen | None] = {"kept": None, "removed": others}
        self.removed_for_row: dict[Protocol, Seen | None] = {"kept": None, "removed": seen}
        self._train = train

    def values(self, measure: str) -> Array:
        """Popularity or novelty of each candidate, float64 `[num_candidates]`."""
        trained = Seen.of(self._train).per_candidate()
        queries = len(np.unique(self._train.query))
        if measure == "popularity":
            return list_metrics.popularity(trained, queries)
        return list_metrics.self_information(trained, queries)

    def by_query(self, values: Array) -> tuple[float, Array]:
        """Mean of the values of `queries`, and the values among those of all queries."""
        every = np.full(self.test.num_queries, np.nan)
        every[self.queries] = values
        there = values[~np.isnan(values)]
        return (float(np.mean(there)) if len(there) else float("nan")), every


class Scored(_Ranked):
    """The order by some scores.

    Args:
        score: Gives the scores of some queries.
        train: The training part.
        known: What each query has had.
        test: The relevant test rows.
        protocols: Which to rank by.
        length: Of the lists, 0 where none are asked for.

    Raises:
        FloatingPointError: A score is NaN.
    """

    def __init__(
        self,
        score: Score,
        train: Interactions,
        known: Interactions,
        test: Interactions,
        protocols: Sequence[Protocol],
        length: int,
    ) -> None:
        super().__init__(train, known, test)
        wanted: list[Seen | None] = []
        for protocol in protocols:
            for seen in (self.removed[protocol], self.removed_for_row[protocol]):
                if not any(seen is one for one in wanted):
                    wanted.append(seen)
        found = dict(zip(map(id, wanted), rank(score, test, wanted, length), strict=True))
        self._rows, self._tops = {}, {}
        for protocol in protocols:
            ranking = found[id(self.removed[protocol])]
            self.places[protocol], self._tops[protocol] = ranking.places, ranking.top
            self._rows[protocol] = found[id(self.removed_for_row[protocol])].places.mid_ranks

    def hits(self, protocol: Protocol, k: int) -> Array:
        """Whether each row's candidate is among the first k, bool `[n]`."""
        return np.asarray(self._rows[protocol] <= k)

    def of_lists(self, measure: str, protocol: Protocol, k: int) -> tuple[float, Array | None]:
        """A metric of the lists, and by query where it has such values."""
        top, size = self._tops[protocol][:, :k], self.test.num_candidates
        if measure == "coverage":
            return list_metrics.coverage(top, size), None
        if measure == "gini":
            return list_metrics.gini(top, size), None
        return self.by_query(list_metrics.mean_in_lists(top, self.values(measure)))


class Chance(_Ranked):
    """A random order, and what it is expected to give."""

    def __init__(self, train: Interactions, known: Interactions, test: Interactions) -> None:
        super().__init__(train, known, test)
        self._left: dict[Protocol, Array] = {}
        self._left_for_row: dict[Protocol, Array] = {}
        for protocol, others in self.removed.items():
            whole = np.full(test.num_queries, test.num_candidates)
            left = whole - (others.counts(np.arange(test.num_queries)) if others else 0)
            self.places[protocol] = Places(np.zeros(len(test), np.int64), left[test.query])
            self._left[protocol] = left[self.queries]
            seen, size = self.removed_for_row[protocol], whole[test.query]
            if seen:
                size = size - seen.counts(test.query) + seen.contains(test.query, test.candidate)
            self._left_for_row[protocol] = size

    def hits(self, protocol: Protocol, k: int) -> Array:
        """How probably each row's candidate is among the first k: k over what is left."""
        return np.minimum(k / self._left_for_row[protocol], 1.0)

    def of_lists(self, measure: str, protocol: Protocol, k: int) -> tuple[float, Array | None]:
        """The expectation of a metric of the lists; NaN for the Gini index, which has no formula.

        A candidate is in one of the lists but for the probability Π_u (1 − k / n_u), over the
        queries for which it is one of the n_u that are left.
        """
        if measure == "gini":
            return float("nan"), None
        removed, left = self.removed[protocol], self._left[protocol]
        if measure == "coverage":
            misses = np.log(np.maximum(1.0 - k / left, 1e-300))
            absent = np.full(self.test.num_candidates, misses.sum())
            if removed:
                for query, miss in zip(self.queries, misses, strict=True):
                    absent[removed[query]] -= miss
            return float(np.mean(1.0 - np.exp(absent))), None
        values = self.values(measure)
        sums = np.full(len(self.queries), values.sum())
        if removed:
            sums -= [values[removed[query]].sum() for query in self.queries]
        return self.by_query(np.where(left > 0, sums / np.maximum(left, 1), np.nan))
