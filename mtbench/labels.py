"""Rows of the interactions that have a label."""

from __future__ import annotations

import numpy as np

from .data import Interactions
from .errors import DataError


def is_known(labels: np.ndarray) -> np.ndarray:
    """Whether each label is there rather than NaN, bool `[n]`."""
    if labels.dtype.kind != "f":
        return np.ones(len(labels), bool)
    return np.asarray(~np.isnan(labels))


def labelled(part: Interactions, label: str) -> Interactions:
    """Return the rows whose label is known; the part itself where all are.

    Raises:
        DataError: None is.
    """
    known = is_known(part.columns[label])
    if known.all() and len(known):
        return part
    if not known.any():
        raise DataError(
            f"expected a label in column {label!r}, found none in {len(known)} rows: a task needs "
            "some in the training part and in the part it is scored on"
        )
    return part.take(np.flatnonzero(known))
