"""A trained model and the part it is scored on, as heads see them."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mtbench.data.context import Requests, have_context, requests_of
from mtbench.data.interactions import Interactions, require_open
from mtbench.metrics.places import Score, dot_product
from mtbench.metrics.predictions import mean_by_query
from mtbench.metrics.requests import OfRequests
from mtbench.metrics.seen import queries_of

if TYPE_CHECKING:
    from .batch import Batch


QUERIES = 4096
"""Queries embedded at once."""


class Model(Protocol):
    """What a view asks of a trained model."""

    def queries(self, task: str, ids: Any, columns: Mapping[str, Any]) -> Any:
        """Embeddings of some queries in their contexts, float32 `[ids, embedding_dim]`."""

    def catalogue(self, task: str) -> Any:
        """Embeddings of all candidates for a task, float32 `[num_candidates, embedding_dim]`."""

    def batches(self, columns: Mapping[str, Any], tasks: Iterable[str]) -> dict[str, Batch]:
        """Embed a batch for each of the tasks."""


class ScoredPart:
    """The part that is scored, and what was known before it.

    Args:
        train: The training part.
        test: The part to score.
        known: What a query has seen; default: the training part.

    Attributes:
        train: The training part: what is popular, and what is cold.
        known: What a query has seen: the training part, and the validation part where the test part
            is scored.
        test: The part to score, in an order that keeps the rows of a query together.
        by_query: By metric its value for each query, `[num_queries]`, NaN without a test row: what
            a head puts here is stored beside the record, for tests that pair users.
    """

    def __init__(
        self, train: Interactions, test: Interactions, known: Interactions | None = None
    ) -> None:
        self.by_query: dict[str, np.ndarray] = {}
        self.train = train
        self.known = known or train
        self.test = together(test)

    def mean_by_query(self, values: np.ndarray) -> np.ndarray:
        """Mean over the test rows of each query, float64 `[num_queries]`, NaN without one.

        Args:
            values: One for each row of `test`.
        """
        return mean_by_query(values, self.test.query, self.test.num_queries)


class TestView(ScoredPart):
    """A trained model and the part it is scored on, as a head sees them.

    Attributes:
        task: Name of the head's task.
    """

    __test__ = False  # not a pytest class

    def __init__(
        self,
        model: Model,
        task: str,
        train: Interactions,
        test: Interactions,
        known: Interactions | None = None,
    ) -> None:
        super().__init__(train, test, known)
        self._model = model
        self.task = task

    @functools.cached_property
    def catalogue(self) -> np.ndarray:
        """Embedding of every candidate, float32 `[num_candidates, embedding_dim]`."""
        return np.asarray(self._model.catalogue(self.task))

    @property
    def queries(self) -> np.ndarray:
        """The queries that have a test row, int32, ascending."""
        require_open(self.test.seals)
        return self._queries

    @functools.cached_property
    def _queries(self) -> np.ndarray:
        return queries_of(self.test).astype(np.int32)

    @functools.cached_property
    def _requests(self) -> Requests:
        return requests_of(self.test)

    @property
    def askers(self) -> np.ndarray:
        """The query of each of `query_embeddings`, int32 `[requests]`."""
        return np.asarray(self.test.query[self._requests.first])

    @property
    def request(self) -> np.ndarray:
        """Which of `query_embeddings` is that of each test row, int `[len(test)]`."""
        require_open(self.test.seals)
        return self._requests.of_row

    @functools.cached_property
    def query_embeddings(self) -> np.ndarray:
        """Embeddings of what is asked for, float32 `[requests, embedding_dim]`.

        Of each of `queries`; where the data have a context, of each query in each of its contexts.
        """
        first = self._requests.first
        parts = []
        for start in range(0, len(first), QUERIES):
            rows = self.test.take(first[start : start + QUERIES])
            parts.append(np.asarray(self._model.queries(self.task, rows.query, rows.columns)))
        return np.concatenate(parts)

    def dot_scores(
        self, queries: np.ndarray | None = None, candidates: np.ndarray | None = None
    ) -> Score:
        """Return a function that gives the dot products of some queries with all candidates.

        Where the data have a context, it is one of requests.

        Args:
            queries: A vector for each of `query_embeddings`, `[requests, dim]`; default: these.
            candidates: A vector for each candidate; default: the embedding.
        """
        vectors = self.query_embeddings if queries is None else queries
        product = dot_product(self.catalogue if candidates is None else candidates)
        numbers = self._requests.numbers

        def score(ids: np.ndarray) -> np.ndarray:
            return product(vectors[np.searchsorted(numbers, ids)])

        return OfRequests(score) if have_context(self.test) else score

    def batches(self, size: int) -> Iterator[tuple[Interactions, Batch]]:
        """The test rows in order, `size` at a time, with their embeddings."""
        for start in range(0, len(self.test), size):
            rows = self.test.take(np.arange(start, min(start + size, len(self.test))))
            yield rows, self._model.batches(rows.columns, (self.task,))[self.task]


def together(test: Interactions) -> Interactions:
    """The same rows in an order that keeps those of a query together."""
    if np.all(test.query[1:] >= test.query[:-1]):
        return test
    return test.take(np.argsort(test.query, kind="stable"))
