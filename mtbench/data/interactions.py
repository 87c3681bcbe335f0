"""Interactions as columns, and the seal of those that nobody may read."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from mtbench.errors import SealedError


class Seal:
    """Whether some rows may be read: one for a part of the data and for all that is taken of it."""

    def __init__(self) -> None:
        self._closed = 0

    @property
    def is_closed(self) -> bool:
        """Whether nobody may read the rows now."""
        return self._closed > 0

    @contextlib.contextmanager
    def closed(self) -> Iterator[None]:
        """Let nobody read the rows in the meantime."""
        self._closed += 1
        try:
            yield
        finally:
            self._closed -= 1


def require_open(seals: Iterable[Seal]) -> None:
    """Refuse what is made of sealed rows.

    Raises:
        SealedError: One of their seals is closed.
    """
    for seal in seals:
        if seal.is_closed:
            raise SealedError(
                "the test part is sealed while a model trains: expected the training or the "
                "validation part to be used"
            )


class Interactions:
    """Columns of equal length, a row an interaction.

    Args:
        columns: `query` and `candidate`, int32 positions in `Data.query.ids` and
            `Data.candidate.ids`, and what else is known of an interaction: `user_rating` float32,
            NaN where it is missing, `timestamp` int64 seconds.
        num_queries: Number of queries (users) of the dataset.
        num_candidates: Number of candidates (movies) in the catalogue.
        seals: Of the rows these were taken from; default: one of their own.
    """

    def __init__(
        self,
        columns: Mapping[str, np.ndarray],
        num_queries: int,
        num_candidates: int,
        seals: Iterable[Seal] = (),
    ) -> None:
        self._columns = columns
        self.seals = tuple(seals) or (Seal(),)
        self.num_queries, self.num_candidates = num_queries, num_candidates

    @property
    def columns(self) -> Mapping[str, np.ndarray]:
        """The columns by name, `[n]` each.

        Raises:
            SealedError: They hold the test part, and the model is being trained.
        """
        require_open(self.seals)
        return self._columns

    @property
    def is_sealed(self) -> bool:
        """Whether nobody may read them now."""
        return any(seal.is_closed for seal in self.seals)

    @property
    def dtypes(self) -> dict[str, np.dtype[Any]]:
        """Type of each column; no secret of a sealed part."""
        return {name: column.dtype for name, column in self._columns.items()}

    @functools.cached_property
    def incomplete(self) -> frozenset[str]:
        """Names of the columns that lack a value, NaN, in some row; no secret of a sealed part."""
        floats = {name: c for name, c in self._columns.items() if c.dtype.kind == "f"}
        return frozenset(name for name, column in floats.items() if np.isnan(column).any())

    @contextlib.contextmanager
    def sealed(self) -> Iterator[None]:
        """Let nobody read these rows, nor any taken from them, in the meantime."""
        with contextlib.ExitStack() as stack:
            for seal in self.seals:
                stack.enter_context(seal.closed())
            yield

    def __len__(self) -> int:
        return len(self._columns["query"])

    @property
    def query(self) -> np.ndarray:
        """Who: int32 `[n]`."""
        return self.columns["query"]

    @property
    def candidate(self) -> np.ndarray:
        """What: int32 `[n]`."""
        return self.columns["candidate"]

    def take(self, rows: np.ndarray) -> Interactions:
        """Return the rows of these numbers, in their order; sealed whenever these are."""
        columns = {name: column[rows] for name, column in self.columns.items()}
        return Interactions(columns, self.num_queries, self.num_candidates, self.seals)

    def part(self, rows: np.ndarray) -> Interactions:
        """Return the rows of these numbers as a part with a seal of its own."""
        columns = {name: column[rows] for name, column in self.columns.items()}
        return Interactions(columns, self.num_queries, self.num_candidates)


def joined(first: Interactions, second: Interactions) -> Interactions:
    """Return the rows of both, one after the other; sealed whenever one of the two is."""
    if not len(second):
        return first
    columns = {
        name: np.concatenate([column, second.columns[name]])
        for name, column in first.columns.items()
    }
    seals = (*first.seals, *second.seals)
    return Interactions(columns, first.num_queries, first.num_candidates, seals)
