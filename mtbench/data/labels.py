"""Rows of the interactions that have a label."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from mtbench.errors import DataError

from .interactions import Interactions


def is_known(labels: np.ndarray) -> np.ndarray:
    """Whether each label is there rather than NaN, bool `[n]`."""
    if labels.dtype.kind != "f":
        return np.ones(len(labels), bool)
    return np.asarray(~np.isnan(labels))


def have_all(rows: Interactions, names: Iterable[str]) -> np.ndarray:
    """Whether each row has a value in every column named, bool `[n]`; all have, of none."""
    there = np.ones(len(rows), bool)
    for name in names:
        there &= is_known(rows.columns[name])
    return there


def at_least(part: Interactions, label: str, threshold: float | None, option: str) -> Interactions:
    """Return the rows whose label is at least a threshold; the part itself where that is None.

    Args:
        part: Interactions.
        label: Column of the label.
        threshold: Of it.
        option: What the task calls the threshold.

    Raises:
        DataError: No row has such a label.
    """
    if threshold is None:
        return part
    rows = np.flatnonzero(part.columns[label] >= threshold)
    if not len(rows):
        raise DataError(
            f"expected rows with a {label} of at least {threshold:g}, found none of {len(part)}: "
            f"lower {option}"
        )
    return part.take(rows)


def labelled(part: Interactions, label: str) -> Interactions:
    """Return the rows whose label is known; the part itself where all are.

    Raises:
        DataError: None is.
    """
    has_label = is_known(part.columns[label])
    if has_label.all() and len(has_label):
        return part
    if not has_label.any():
        raise DataError(
            f"expected a label in column {label!r}, found none in {len(part)} rows: a task needs "
            "some in the training part and in the part it is scored on"
        )
    return part.take(np.flatnonzero(has_label))


def require_weights(part: Interactions, weight: str | None) -> None:
    """Refuse a column of weights that are none; None for no column.

    Raises:
        DataError: One is missing, infinite or below 0, or all are 0.
    """
    if weight is None:
        return
    weights = part.columns[weight]
    wrong = weights[~((weights >= 0) & (weights < np.inf))]
    if len(wrong):
        raise DataError(
            f"column {weight!r}: expected finite weights of 0 or more, found {wrong[0]:g} "
            f"({len(wrong)} of {len(part)} rows)"
        )
    if not weights.any():
        raise DataError(f"column {weight!r}: expected a weight above 0, found none")
