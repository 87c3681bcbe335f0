"""What each query has had."""

from __future__ import annotations

from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from mtbench.data.interactions import Interactions, require_open


def queries_of(rows: Interactions) -> np.ndarray:
    """The queries that have a row, int64, ascending."""
    return np.flatnonzero(np.bincount(rows.query, minlength=rows.num_queries))


class _Pairs(NamedTuple):
    """Pairs of a query and a candidate, each once, in order."""

    numbers: np.ndarray
    """query · num_candidates + candidate, int64 `[n]`."""
    candidates: np.ndarray
    """int32 `[n]`."""
    starts: np.ndarray
    """Where a query's pairs begin, int64 `[num_queries + 1]`."""
    num_candidates: int

    @staticmethod
    def of(numbers: np.ndarray, num_queries: int, num_candidates: int) -> _Pairs:
        """Make them of their numbers, ascending."""
        starts = np.arange(num_queries + 1, dtype=np.int64) * num_candidates
        candidates = (numbers % num_candidates).astype(np.int32)
        return _Pairs(numbers, candidates, np.searchsorted(numbers, starts), num_candidates)


class Seen:
    """The candidates each query has had; sealed whenever the rows that tell them are."""

    def __init__(self, known: Interactions) -> None:
        pairs = known.query.astype(np.int64) * known.num_candidates + known.candidate
        pairs.sort()  # np.unique would make a hash table first, which takes longer
        first = np.concatenate([pairs[:1] >= 0, pairs[1:] > pairs[:-1]])
        self._seals = known.seals
        self._sealed = _Pairs.of(pairs[first], known.num_queries, known.num_candidates)

    @property
    def _pairs(self) -> _Pairs:
        """The pairs, while nobody has sealed the rows they are of."""
        require_open(self._seals)
        return self._sealed

    @staticmethod
    def of(known: Interactions) -> Seen:
        """Return what is made of these interactions, made once for as long as they live.

        Raises:
            SealedError: They are sealed.
        """
        require_open(known.seals)
        if known not in _SEEN:
            _SEEN[known] = Seen(known)
        return _SEEN[known]

    def __getitem__(self, query: int) -> np.ndarray:
        """The candidates of one query, int32, ascending."""
        pairs = self._pairs
        return pairs.candidates[pairs.starts[query] : pairs.starts[query + 1]]

    def __len__(self) -> int:
        return len(self._sealed.numbers)

    def contains(self, queries: np.ndarray, candidates: np.ndarray) -> np.ndarray:
        """Whether each query has had the candidate beside it, bool `[n]`."""
        numbers = self._pairs.numbers
        if not len(numbers):
            return np.zeros(len(queries), bool)
        wanted = queries.astype(np.int64) * self._sealed.num_candidates + candidates
        places = np.searchsorted(numbers, wanted)
        return np.asarray(numbers[np.minimum(places, len(numbers) - 1)] == wanted)

    def counts(self, queries: np.ndarray) -> np.ndarray:
        """How many candidates each query has had, int64 `[n]`."""
        starts = self._pairs.starts
        return np.asarray(starts[queries + 1] - starts[queries])

    def per_candidate(self) -> np.ndarray:
        """How many queries have had each candidate, int64 `[num_candidates]`."""
        pairs = self._pairs
        return np.bincount(pairs.candidates, minlength=pairs.num_candidates)


_SEEN: WeakKeyDictionary[Interactions, Seen] = WeakKeyDictionary()
