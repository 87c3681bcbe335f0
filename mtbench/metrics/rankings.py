"""What is found of the test rows in the ranked catalogue: by scores, or in a random order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from mtbench.data.context import have_context
from mtbench.data.interactions import Interactions

from .list_metric import OfAllLists, OfEachList, OfLists
from .lists import mean_in_lists
from .places import Places, Score, rank
from .predictions import mean
from .requests import ByRequest
from .seen import Seen, queries_of

Array = np.ndarray
SeenRule = Literal["kept", "removed"]
"""Whether what a query has had stays in its ranking."""


class Parts(NamedTuple):
    """What rankings are scored on."""

    train: Interactions
    """The training part: what is popular."""
    known: Interactions
    """What the query of each request has had."""
    test: Interactions
    """The relevant test rows, by request."""
    rows: Interactions
    """The same, by query."""
    requests: ByRequest | None = None
    """What they ask for, where it is more than a list for each query."""

    @staticmethod
    def of(train: Interactions, known: Interactions, test: Interactions) -> Parts:
        """Take what a query asks for in two contexts as asked by two."""
        if not have_context(test):
            return Parts(train, known, test, test)
        requests = ByRequest(test)
        return Parts(train, requests.known(known), requests.test, test, requests)

    def score(self, score: Score) -> Score:
        """Scores of requests."""
        return self.requests.score(score) if self.requests else score

    def by_query(self, values: Array) -> Array:
        """Values of requests as those of queries."""
        return self.requests.by_query(values) if self.requests else values

    def answerable(self, protocol: SeenRule) -> Array:
        """Whether each test row's candidate is in the ranking, bool `[len(test)]`.

        One that its query has had is not, where those are removed: such a row is left out. Left in
        its place it would be told from all others by having been had.
        """
        if protocol == "kept":
            return np.ones(len(self.test), bool)
        return ~Seen.of(self.known).contains(self.test.query, self.test.candidate)


class _Ranked:
    """What both have.

    Attributes:
        places: By protocol the place of each test row's candidate; of no meaning for a row that is
            not `Parts.answerable`.
        queries: Those with a test row, ascending.
    """

    def __init__(self, parts: Parts) -> None:
        self._train, self._test = parts.train, parts.test
        self.queries = queries_of(parts.test)
        self.places: dict[SeenRule, Places] = {}
        self._removed: dict[SeenRule, Seen | None] = {
            "kept": None,
            "removed": Seen.of(parts.known),
        }

    def hits(self, protocol: SeenRule, k: int) -> Array:
        """How probably each row's candidate is among the first k, `[n]`."""
        raise NotImplementedError

    def of_lists(self, metric: OfLists, protocol: SeenRule, k: int) -> tuple[float, Array | None]:
        """A metric of the lists, and by query where it has such values."""
        if isinstance(metric, OfEachList):
            trained = Seen.of(self._train).per_candidate()
            values = metric.by_candidate(trained, len(queries_of(self._train)))
            return self._by_query(self._means(values, protocol, k))
        assert isinstance(metric, OfAllLists)  # noqa: S101 - there is no third
        return self._of_all(metric, protocol, k), None

    def _of_all(self, metric: OfAllLists, protocol: SeenRule, k: int) -> float:
        """A number for all lists."""
        raise NotImplementedError

    def _means(self, values: Array, protocol: SeenRule, k: int) -> Array:
        """Mean over the list of each of `queries` of what each candidate has, float64."""
        raise NotImplementedError

    def _by_query(self, values: Array) -> tuple[float, Array]:
        """Mean of the values of `queries`, and the values among those of all queries."""
        every = np.full(self._test.num_queries, np.nan)
        every[self.queries] = values
        return mean(values[~np.isnan(values)]), every


class Scored(_Ranked):
    """The order by some scores.

    Args:
        score: Gives the scores of some queries.
        parts: What to score on.
        protocols: Which to rank by.
        length: Of the lists, 0 where none are asked for.

    Raises:
        FloatingPointError: A score is NaN.
    """

    def __init__(
        self, score: Score, parts: Parts, protocols: Sequence[SeenRule], length: int = 0
    ) -> None:
        super().__init__(parts)
        removals = [self._removed[protocol] for protocol in protocols]
        rankings = rank(parts.score(score), parts.test, removals, length)
        self._tops = {}
        for protocol, ranking in zip(protocols, rankings, strict=True):
            self.places[protocol], self._tops[protocol] = ranking.places, ranking.top

    def hits(self, protocol: SeenRule, k: int) -> Array:
        """Whether each row's candidate is among the first k, bool `[n]`."""
        return np.asarray(self.places[protocol].mid_ranks <= k)

    def _of_all(self, metric: OfAllLists, protocol: SeenRule, k: int) -> float:
        """A number for all lists."""
        return metric.of_lists(self._tops[protocol][:, :k], self._test.num_candidates)

    def _means(self, values: Array, protocol: SeenRule, k: int) -> Array:
        """Mean over the list of each of `queries`."""
        return mean_in_lists(self._tops[protocol][:, :k], values)


class Chance(_Ranked):
    """A random order, and what it is expected to give."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        test = parts.test
        self._left: dict[SeenRule, Array] = {}
        for protocol, removed in self._removed.items():
            left = np.full(test.num_queries, test.num_candidates)
            left -= removed.counts(np.arange(test.num_queries)) if removed else 0
            self.places[protocol] = Places(np.zeros(len(test), np.int64), left[test.query])
            self._left[protocol] = left[self.queries]

    def hits(self, protocol: SeenRule, k: int) -> Array:
        """How probably each row's candidate is among the first k: k over what is left."""
        return np.asarray(np.minimum(k / np.maximum(self.places[protocol].equal, 1), 1.0))

    def _of_all(self, metric: OfAllLists, protocol: SeenRule, k: int) -> float:
        """The expectation of a number for all lists; NaN where it has no formula."""
        if metric.by_chance is None:
            return float("nan")
        removed, left = self._removed[protocol], self._left[protocol]
        lacking = (removed[query] for query in self.queries) if removed else None
        return metric.by_chance(left, lacking, k, self._test.num_candidates)

    def _means(self, values: Array, protocol: SeenRule, k: int) -> Array:
        """Mean over what is left for each of `queries`: the expectation at any length."""
        removed, left = self._removed[protocol], self._left[protocol]
        sums = np.full(len(self.queries), values.sum())
        if removed:
            sums -= [values[removed[query]].sum() for query in self.queries]
        return np.where(left > 0, sums / np.maximum(left, 1), np.nan)
