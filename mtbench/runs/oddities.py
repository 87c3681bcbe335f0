"""What of the data a reader has to know: rows that repeat others, and labels that are missing.

The data are counted once, parts once for each seed. Where no pair of a query and a candidate is
there twice, which one sort of the pairs shows, no part can hold one of another's, and nothing more
is done.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from mtbench.data.interactions import Interactions
from mtbench.data.labels import is_known


def count_repeats(rows: Interactions) -> dict[str, int]:
    """Count the rows that repeat an earlier one.

    Args:
        rows: All interactions of the data.

    Returns:
        `rows`: how many there are; `repeated_pairs`: how many have the query and candidate of an
        earlier row; `repeated_rows`: how many equal an earlier row in every column, missing values
        being equal.
    """
    pairs = _pairs(rows)
    ordered = np.sort(pairs)
    again = ordered[1:] == ordered[:-1]
    found = int(np.count_nonzero(again))
    counts = {"rows": len(rows), "repeated_pairs": found, "repeated_rows": 0}
    if found:
        shared = np.unique(ordered[1:][again])
        counts["repeated_rows"] = _equal(rows, np.flatnonzero(_in_sorted(pairs, shared)))
    return counts


def count_pairs(train: Interactions, scored: Interactions) -> dict[str, int]:
    """Count the pairs of the part that is scored, each once, and those the training part has too.

    Returns:
        `pairs` and `known_pairs`.
    """
    pairs = np.unique(_pairs(scored))
    known = _in_sorted(pairs, np.sort(_pairs(train)))
    return {"pairs": len(pairs), "known_pairs": int(np.count_nonzero(known))}


def count_unlabelled(rows: Interactions, columns: Iterable[str]) -> int:
    """Count the rows that lack a value of one of some columns at least."""
    known = np.ones(len(rows), bool)
    for name in columns:
        known &= is_known(rows.columns[name])
    return int(np.count_nonzero(~known))


def _pairs(rows: Interactions) -> np.ndarray:
    """A number for each row, equal for equal pairs, int64 `[n]`."""
    return rows.query.astype(np.int64) * rows.num_candidates + rows.candidate


def _in_sorted(values: np.ndarray, ordered: np.ndarray) -> np.ndarray:
    """Whether each value is among sorted ones, bool; there is at least one of those."""
    places = np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)
    return np.asarray(ordered[places] == values)


def _equal(rows: Interactions, numbers: np.ndarray) -> int:
    """How many of the rows of these numbers equal an earlier one of them in every column."""
    columns = [_bits(column[numbers]) for column in rows.columns.values()]
    order = np.lexsort(columns)
    same = np.ones(len(numbers) - 1, bool)
    for column in columns:
        placed = column[order]
        same &= placed[1:] == placed[:-1]
    return int(np.count_nonzero(same))


def _bits(column: np.ndarray) -> np.ndarray:
    """A column whose missing values equal each other."""
    if column.dtype.kind != "f":
        return column
    whole = np.where(np.isnan(column), np.array(np.nan, column.dtype), column + 0)  # no −0
    return whole.view(f"i{column.dtype.itemsize}")
