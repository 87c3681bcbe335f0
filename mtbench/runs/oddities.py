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
    found = len(pairs) - len(_distinct(pairs))
    counts = {"rows": len(rows), "repeated_pairs": found, "repeated_rows": 0}
    if found:
        counts["repeated_rows"] = _equal_rows(pairs, rows)
    return counts


def count_pairs(known: Interactions, scored: Interactions) -> dict[str, int]:
    """Count the pairs of the part that is scored, each once, and those that were known before.

    Args:
        known: What a query has seen: the training part, and the validation part where the test part
            is scored.
        scored: The part that is scored.

    Returns:
        `pairs` and `known_pairs`.
    """
    pairs, others = _distinct(_pairs(scored)), _distinct(_pairs(known))
    both = _distinct(np.concatenate([pairs, others]))
    return {"pairs": len(pairs), "known_pairs": len(pairs) + len(others) - len(both)}


def count_unlabelled(rows: Interactions, columns: Iterable[str]) -> int:
    """Count the rows that lack a value of one of some columns at least."""
    known = np.ones(len(rows), bool)
    for name in columns:
        known &= is_known(rows.columns[name])
    return int(np.count_nonzero(~known))


def _pairs(rows: Interactions) -> np.ndarray:
    """A number for each row, equal for equal pairs, int64 `[n]`."""
    return np.asarray(rows.query.astype(np.int64) * rows.num_candidates + rows.candidate)


def _distinct(values: np.ndarray) -> np.ndarray:
    """The values, each once, in order; sorting is an order of magnitude faster than looking up."""
    ordered = np.sort(values)
    return np.asarray(ordered[np.append(True, ordered[1:] != ordered[:-1])])


def _equal_rows(pairs: np.ndarray, rows: Interactions) -> int:
    """How many rows equal an earlier one in every column.

    Args:
        pairs: A number for each row, int64 `[n]`.
        rows: The rows, at least one.
    """
    order = np.argsort(pairs)
    same = np.diff(pairs[order]) == 0
    near = np.append(False, same) | np.append(same, False)  # those with a pair that others have
    order = order[near]
    own = {k: c for k, c in rows.columns.items() if k not in ("query", "candidate")}
    columns = [*(_bits(column[order]) for column in own.values()), pairs[order]]
    order = np.lexsort(columns)
    equal = np.ones(len(order) - 1, bool)
    for column in columns:
        placed = column[order]
        equal &= placed[1:] == placed[:-1]
    return int(np.count_nonzero(equal))


def _bits(column: np.ndarray) -> np.ndarray:
    """A column whose missing values equal each other."""
    if column.dtype.kind != "f":
        return column
    whole = np.where(np.isnan(column), np.array(np.nan, column.dtype), column + 0)  # no −0
    return whole.view(f"i{column.dtype.itemsize}")
