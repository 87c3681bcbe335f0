"""Exact places of candidates in the ranking of a whole catalogue, and the top of the ranking.

A candidate is known by its id and its score is the one in the row it is ranked in: equal scores are
equal bits, not two computations of one number. A place is two whole numbers: how many candidates
score better, and how many score the same.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from mtbench.data.interactions import Interactions

from .seen import Seen, queries_of

BLOCK = 2**21
"""Scores held at once by a processor: queries of a block times the catalogue."""

_Counts = tuple[np.ndarray | int, np.ndarray | int]
Score = Callable[[np.ndarray], np.ndarray]
"""From queries, int `[n]`, to their scores, float `[n, num_candidates]`."""


def block_size(num_candidates: int) -> int:
    """Queries to score at once against a catalogue."""
    return max(1, BLOCK // num_candidates)


def dot_product(candidates: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Make a function from queries `[n, dim]` to scores `[n, num_candidates]`.

    Equal candidates get equal bits: a matrix product may sum its last columns in another order
    than the others, so they are multiplied once and copied.
    """
    distinct, position = np.unique(candidates, axis=0, return_inverse=True)
    if len(distinct) == len(candidates):
        return lambda queries: np.asarray(queries @ candidates.T)
    return lambda queries: np.asarray((queries @ distinct.T)[:, position])


@dataclass(frozen=True)
class Places:
    """Where some targets stand in their rankings."""

    better: np.ndarray
    """How many candidates score better, int `[n]`."""
    equal: np.ndarray
    """How many score the same, the target itself included, int `[n]`."""

    @property
    def mid_ranks(self) -> np.ndarray:
        """The rank, 1 the best, ties at their middle rank; float64 `[n]`."""
        return np.asarray(self.better + 0.5 * (self.equal + 1))

    def take(self, rows: np.ndarray) -> Places:
        """Those of some targets."""
        return Places(self.better[rows], self.equal[rows])


@dataclass(frozen=True)
class Ranking:
    """What a pass over the scores of the test part found, for one set of removed candidates."""

    places: Places
    """Of each test row's candidate."""
    queries: np.ndarray
    """The queries that have a test row, int64, ascending."""
    top: np.ndarray
    """The candidates that each of them has on top, the best first, those of equal score by
    ascending id; int32 `[queries, length]`, −1 where no candidate is left."""


def rank(
    score: Score, test: Interactions, removals: Sequence[Seen | None] = (None,), length: int = 0
) -> list[Ranking]:
    """Rank every test row's candidate in the whole catalogue.

    Each query is scored once, in blocks of `block_size`, as many at a time as there are processors.
    A query with few targets has its scores compared with each of theirs, one with many has them
    sorted.

    Args:
        score: Gives the scores of some queries.
        test: The rows whose candidates are the targets.
        removals: What is taken out of the ranking first; a target that is has no place, and what
            is returned for it means nothing. One pass serves them all.
        length: Of the top to return.

    Returns:
        What was found, for each of `removals`.

    Raises:
        FloatingPointError: A score is NaN, which would compare as worse than everything.
    """
    run = _Pass(score, test, removals, length)
    size = block_size(test.num_candidates)
    blocks = [run.queries[first : first + size] for first in range(0, len(run.queries), size)]
    if len(blocks) < 2:
        return run.result([*map(run.block, blocks)])
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # NumPy lets go of the interpreter's lock
        return run.result([*pool.map(run.block, blocks)])


class _Pass:
    """One pass over the queries of the test part; blocks of them may run side by side."""

    def __init__(
        self, score: Score, test: Interactions, removals: Sequence[Seen | None], length: int
    ) -> None:
        self._score, self._removals, self._length = score, removals, length
        self._order = np.argsort(test.query, kind="stable")
        self._candidates = test.candidate
        self.queries = queries_of(test)
        every = np.arange(test.num_queries + 1)
        self._starts = np.searchsorted(test.query, every, sorter=self._order)
        self._places = [Places(*np.empty((2, len(test)), np.int32)) for _ in removals]

    def block(self, queries: np.ndarray) -> np.ndarray:
        """Place the targets of some queries, and return their tops, `[removals, queries, k]`."""
        scores = self._score(queries)
        if np.isnan(np.min(scores)):  # NaN if any is
            raise FloatingPointError("a score is nan")
        tops = np.full((len(self._removals), len(queries), self._length), -1, np.int32)
        ordered = np.sort(scores[0]) if len(scores) > 1 and not scores.strides[0] else None
        for number, (query, row) in enumerate(zip(queries.tolist(), scores, strict=True)):
            rows = self._order[self._starts[query] : self._starts[query + 1]]
            targets = self._candidates[rows]
            better, equal = _compare(row, row[targets], ordered)
            for places, seen, top in zip(self._places, self._removals, tops, strict=True):
                above, same = _of_removed(row, targets, seen, query)
                places.better[rows], places.equal[rows] = better - above, equal - same
                if self._length:
                    best = top_candidates(row, self._length, seen[query] if seen else None)
                    top[number, : len(best)] = best
        return tops

    def result(self, tops: list[np.ndarray]) -> list[Ranking]:
        """Put together what the blocks found."""
        none = np.empty((len(self._removals), 0, self._length), np.int32)
        whole = np.concatenate([none, *tops], axis=1)
        return [
            Ranking(places, self.queries, top)
            for places, top in zip(self._places, whole, strict=True)
        ]


def _of_removed(row: np.ndarray, targets: np.ndarray, seen: Seen | None, query: int) -> _Counts:
    """How many removed candidates are above each target, and how many others equal it."""
    if seen is None or not len(removed := seen[query]):
        return 0, 0
    return _compare(row[removed], row[targets])


def _compare(values: np.ndarray, targets: np.ndarray, ordered: np.ndarray | None = None) -> _Counts:
    """How many values are above each target, and how many equal it.

    Sorting pays from so many targets on, measured with NumPy 2.4 on a Zen 4: 5 of 1664 values, 13
    of 3706, 58 of 20,000, 100 of 59,000. It is faster on other processors, so less is asked of it.
    """
    if ordered is None and len(targets) * (len(values) + 10_000) < 64 * len(values):
        better = [np.count_nonzero(values > target) for target in targets]
        return np.array(better), np.array([np.count_nonzero(values == t) for t in targets])
    ordered = np.sort(values) if ordered is None else ordered
    right = ordered.searchsorted(targets, "right")
    return len(values) - right, right - ordered.searchsorted(targets, "left")


def top_candidates(row: np.ndarray, length: int, removed: np.ndarray | None = None) -> np.ndarray:
    """The best candidates, the best first, those of equal score by ascending id.

    Args:
        row: float `[num_candidates]`, scores.
        length: How many.
        removed: Candidates to leave out, int.

    Returns:
        int `[length]`, or fewer where no more are left.
    """
    ids = np.arange(len(row))
    if removed is not None and len(removed):
        ids = np.delete(ids, removed)
        row = row[ids]
    if not (length := min(length, len(row))):
        return ids[:0]
    worst = np.partition(row, len(row) - length)[len(row) - length]
    best = np.flatnonzero(row >= worst)
    return np.asarray(ids[best[np.argsort(-row[best], kind="stable")[:length]]])
