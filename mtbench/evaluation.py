"""Exact scoring on the test part: what heads need for it, and ranks over the whole catalogue."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .data import Interactions

if TYPE_CHECKING:
    from .batch import Batch
    from .model import MultiTaskModel

BLOCK = 2**21
"""Scores held at once: rows of a block times the catalogue."""


def block_size(num_candidates: int) -> int:
    """Test rows to score at once against a catalogue."""
    return max(1, BLOCK // num_candidates)


class TestView:
    """A trained model and the test part, as a head sees them.

    Attributes:
        task: Name of the head's task.
        train: The training part: what a query has seen.
        test: The test part, in an order that keeps the rows of a query together.
        by_query: By metric its value for each query, `[num_queries]`, NaN without a test row: what
            a head puts here is stored beside the record, for tests that pair users.
    """

    __test__ = False  # not a pytest class

    def __init__(
        self,
        model: MultiTaskModel,
        task: str,
        train: Interactions,
        test: Interactions,
        known: Interactions | None = None,
    ) -> None:
        self._model = model
        self.by_query: dict[str, np.ndarray] = {}
        self.task = task
        self.train = train
        self.known = known or train
        self.test = test.take(np.argsort(test.query, kind="stable"))

    @functools.cached_property
    def catalogue(self) -> np.ndarray:
        """Embedding of every candidate, float32 `[num_candidates, embedding_dim]`."""
        return np.asarray(self._model.catalogue(self.task))

    def mean_by_query(self, values: np.ndarray) -> np.ndarray:
        """Mean over the test rows of each query, float64 `[num_queries]`, NaN without one.

        Args:
            values: One for each row of `test`.
        """
        counts = np.bincount(self.test.query, minlength=self.test.num_queries)
        sums = np.bincount(self.test.query, values, self.test.num_queries)
        return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)

    def dot_scores(self, size: int) -> Iterator[np.ndarray]:
        """Scores of the test rows in order, `size` at a time: `[rows, num_candidates]` each."""
        score = dot_product(self.catalogue)
        for _, batch in self.batches(size):
            yield score(batch.query.expand().numpy())

    def batches(self, size: int) -> Iterator[tuple[Interactions, Batch]]:
        """The test rows in order, `size` at a time, with their embeddings."""
        for start in range(0, len(self.test), size):
            rows = self.test.take(np.arange(start, min(start + size, len(self.test))))
            yield rows, self._model.batches(rows.columns, (self.task,))[self.task]


@dataclass(frozen=True)
class Scores:
    """What a model scored on the test part."""

    metrics: dict[str, dict[str, float]]
    """`{task: {metric: value}}`."""
    by_query: dict[str, np.ndarray]
    """`{"task/metric": [num_queries]}`, for the metrics that heads keep by query."""


def evaluate(
    model: MultiTaskModel,
    train: Interactions,
    test: Interactions,
    known: Interactions | None = None,
) -> Scores:
    """Score every task on the test part."""
    views = {name: TestView(model, name, train, test, known) for name in model.heads}
    metrics = {name: head.evaluate(views[name]) for name, head in model.heads.items()}
    by_query = {
        f"{name}/{metric}": values
        for name, view in views.items()
        for metric, values in view.by_query.items()
    }
    return Scores(metrics, by_query)


class Seen:
    """The candidates each query has in the training part."""

    def __init__(self, train: Interactions) -> None:
        pairs = train.query.astype(np.int64) * train.num_candidates + train.candidate
        pairs = np.unique(pairs)
        self._pairs = pairs
        self._candidates = (pairs % train.num_candidates).astype(np.int32)
        self._num_candidates = train.num_candidates
        self._starts = np.searchsorted(
            pairs, np.arange(train.num_queries + 1, dtype=np.int64) * train.num_candidates
        )

    def contains(self, queries: np.ndarray, candidates: np.ndarray) -> np.ndarray:
        """Whether each query has seen the candidate beside it, bool `[n]`."""
        wanted = queries.astype(np.int64) * self._num_candidates + candidates
        found = np.searchsorted(self._pairs, wanted)
        return np.asarray(self._pairs[np.minimum(found, len(self._pairs) - 1)] == wanted)

    def counts(self, queries: np.ndarray) -> np.ndarray:
        """How many candidates each query has seen, int64 `[n]`."""
        return np.asarray(self._starts[queries + 1] - self._starts[queries])

    def positions(self, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Row and column of every seen candidate in a matrix with a row a query."""
        counts = self.counts(queries)
        rows = np.repeat(np.arange(len(queries)), counts)
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return rows, self._candidates[self._starts[queries][rows] + within]


def dot_product(candidates: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Make a function from queries `[n, dim]` to scores `[n, num_candidates]`.

    Equal candidates get equal bits: a matrix product may sum its last columns in another order
    than the others, so they are multiplied once and copied.
    """
    distinct, position = np.unique(candidates, axis=0, return_inverse=True)
    if len(distinct) == len(candidates):
        return lambda queries: np.asarray(queries @ candidates.T)
    return lambda queries: np.asarray((queries @ distinct.T)[:, position])


def mid_ranks(scores: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Rank of each row's target among all candidates, 1 the best, ties at their middle rank.

    The target is found by its id, and its score is the one in the matrix: equal scores are equal
    bits, not two computations of one number.

    Args:
        scores: float `[n, num_candidates]`.
        targets: int `[n]`, candidate of each row.

    Returns:
        float64 `[n]`: 1 + the number of better candidates + half the number of other equal ones.

    Raises:
        FloatingPointError: A score is NaN, which would compare as worse than everything.
    """
    if np.isnan(np.min(scores)):  # NaN if any is
        raise FloatingPointError("a score is nan")
    own = scores[np.arange(len(targets)), targets][:, np.newaxis]
    better = _count(scores > own)
    equal = _count(scores == own) - 1
    return np.asarray(1.0 + better + 0.5 * equal)


def _count(found: np.ndarray) -> np.ndarray:
    """Number of True in each row; twice as fast as `np.count_nonzero` along an axis."""
    return np.asarray(found.view(np.int8).sum(axis=1, dtype=np.int32))


def catalogue_ranks(
    blocks: Iterable[np.ndarray], train: Interactions, test: Interactions
) -> tuple[np.ndarray, np.ndarray]:
    """Rank every test row's candidate in the whole catalogue.

    Args:
        blocks: Scores of the test rows in order, float `[some rows, num_candidates]` each.
            `block_size` says how many rows are a good number.
        train: The training part.
        test: The test part.

    Returns:
        Ranks with seen candidates kept, and with those the query has in the training part removed
        (the target itself never is); float64 `[len(test)]` each.
    """
    seen = Seen(train)
    kept, removed = np.empty(len(test)), np.empty(len(test))
    start = 0
    for scores in blocks:
        rows = slice(start, start + len(scores))
        targets = test.candidate[rows]
        kept[rows] = mid_ranks(scores, targets)
        row, column = seen.positions(test.query[rows])
        score, own = scores[row, column], scores[row, targets[row]]
        above = (score > own) + 0.5 * (score == own)  # what a seen candidate adds to the rank
        above[column == targets[row]] = 0.0
        removed[rows] = kept[rows] - np.bincount(row, above, len(scores))
        start = rows.stop
    return kept, removed


def top_k_hits(
    kept: np.ndarray, removed: np.ndarray, top_k: tuple[int, ...]
) -> dict[str, np.ndarray]:
    """Whether a row's candidate ranks among the first k, for each k and both protocols."""
    ranks: Mapping[str, np.ndarray] = {"kept": kept, "removed": removed}
    return {f"top_{k}_seen_{name}": values <= k for name, values in ranks.items() for k in top_k}


def top_k_accuracy(
    kept: np.ndarray, removed: np.ndarray, top_k: tuple[int, ...]
) -> dict[str, float]:
    """Share of test rows whose candidate ranks among the first k, for each k and both protocols."""
    hits = top_k_hits(kept, removed, top_k)
    return {name: float(np.mean(values)) for name, values in hits.items()}
