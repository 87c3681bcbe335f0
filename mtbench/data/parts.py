"""The parts of a dataset, and how to cut it into them: what the splits share."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol

import numpy as np

from mtbench.errors import DataError, LackingColumnError

if TYPE_CHECKING:
    from .dataset import Data


class Named(Protocol):
    """What a fault can name: a split."""

    name: ClassVar[str]


class Parts(NamedTuple):
    """Row numbers of the parts of a dataset, int64, disjoint."""

    train: np.ndarray
    """What models learn from."""
    test: np.ndarray
    """What they are scored on; sealed while they train."""
    validation: np.ndarray = np.empty(0, np.int64)
    """What early stopping, schedules and any other choice may look at; often empty."""


def validation_size(rows: int, share: float) -> int:
    """Return how many of two or more rows validate: at least one and not all of them.

    None at all where the share is 0.
    """
    return min(max(round(rows * share), 1), rows - 1) if share else 0


def require_rows(data: Data, least: int, why: str) -> int:
    """Return the number of interactions.

    Raises:
        DataError: There are fewer than `least`.
    """
    total = len(data.interactions)
    if total < least:
        raise DataError(
            f"{data.source}: expected {least} interactions or more {why}, found {total}"
        )
    return total


def column(split: Named, data: Data, name: str) -> np.ndarray:
    """Return a column of the interactions, `[n]`.

    Raises:
        LackingColumnError: The data has none of this name.
    """
    columns = data.interactions.columns
    if name not in columns:
        raise LackingColumnError(
            f"{data.source}: split {split.name!r} reads column {name!r}, which the data lacks "
            f"(it has {', '.join(columns)})",
            name,
        )
    return columns[name]


def by_query(data: Data, order: np.ndarray) -> np.ndarray:
    """Bring the rows of each query together, those of each in their order so far.

    A counting sort, four times as fast as one that compares.

    Args:
        data: The dataset.
        order: All its rows, int64 `[n]`, in some order.
    """
    from scipy import sparse  # noqa: PLC0415 - takes long, and a suite is checked without it

    rows = data.interactions
    places = rows.query[order], np.arange(len(order), dtype=np.int32)
    table = sparse.coo_array((order, places), shape=(rows.num_queries, len(order)))
    return np.asarray(table.tocsr().data)


def by_query_and_time(split: Named, data: Data) -> np.ndarray:
    """Return all rows, int64 `[n]`, query after query, those of each by timestamp.

    Rows of one query and timestamp keep their order.

    Raises:
        DataError: The data has no timestamps.
    """
    return by_query(data, np.argsort(column(split, data, "timestamp"), kind="stable"))


def counts_by_query(data: Data) -> np.ndarray:
    """Return how many interactions each query has, int64 `[num_queries]`."""
    return np.bincount(data.interactions.query, minlength=data.interactions.num_queries)


def shares(
    counts: np.ndarray, test_share: float, validation_share: float
) -> tuple[np.ndarray, np.ndarray]:
    """Divide the interactions of each query by shares, halves rounded to even.

    Args:
        counts: Interactions of each query, int64 `[num_queries]`.
        test_share: Share of them that tests.
        validation_share: Share of the others that validates.

    Returns:
        How many train, and how many train or validate, int64 `[num_queries]` each: one at least
        of a query that has any.
    """

    def rounded(share: float) -> np.ndarray:
        # a share such as 1 - 0.7 is off by some 1e-16, which must not decide about a half
        exact = np.rint(np.round(counts * share, 6)).astype(np.int64)
        return np.asarray(np.clip(exact, np.minimum(counts, 1), counts))

    kept = 1 - test_share
    return rounded(kept * (1 - validation_share)), rounded(kept)


def cut_each(data: Data, order: np.ndarray, train: np.ndarray, kept: np.ndarray) -> Parts:
    """Cut the rows of each query: the first train, those that follow validate, the last test.

    Args:
        data: The dataset.
        order: All rows, int64 `[n]`, query after query, those of each in the order of the cut.
        train: How many rows of each query train, int64 `[num_queries]`.
        kept: How many of them train or validate, int64 `[num_queries]`.

    Returns:
        The parts, rows ascending in each.
    """
    counts = counts_by_query(data)
    starts = np.cumsum(counts) - counts
    later = np.zeros(len(order), np.uint8)  # 0 trains, 1 validates, 2 tests
    position = np.arange(len(order))
    for first in (train, kept):
        later[order] += position >= np.repeat(starts + first, counts)
    return Parts(*(np.flatnonzero(later == part) for part in (0, 2, 1)))


def require_parts(split: Named, data: Data, parts: Parts, fixes: dict[str, str]) -> Parts:
    """Return the parts where those that matter have rows.

    Args:
        split: What made them.
        data: Of what.
        parts: The parts.
        fixes: By name of a part that must have rows what to do where it has none.

    Raises:
        DataError: One has none.
    """
    for name, fix in fixes.items():
        if not len(getattr(parts, name)):
            rows, queries = len(data.interactions), np.count_nonzero(counts_by_query(data))
            raise DataError(
                f"{data.source}: expected split {split.name!r} to leave a {name} part, found none "
                f"of {rows} interactions by {queries} {data.query.key}: {fix}"
            )
    return parts
