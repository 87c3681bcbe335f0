"""What is known of an interaction besides who and what before its outcome: its context."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from mtbench.errors import DataError

from .encoding import Feature, Raw, as_values, places_in
from .interactions import Interactions

SITUATION = "situation"
"""Column that numbers the different pairs of a query and a context, int32: what a list is for."""


def encode_context(
    query: np.ndarray, context: Mapping[str, Raw], source: str
) -> tuple[dict[str, np.ndarray], dict[str, Feature]]:
    """Turn what is known of each interaction into columns.

    Args:
        query: Who, int32 `[n]`.
        context: By name a value for each interaction, categorical or numeric.
        source: What the data is.

    Returns:
        The columns, `[n]` each, `situation` among them; and what they mean, by name.

    Raises:
        DataError: A number is not finite, or missing in all rows.
    """
    features = {
        name: as_values(raw, f"{source}: context {name!r}") for name, raw in context.items()
    }
    columns = {name: feature.values for name, feature in features.items()}
    situation = query.astype(np.int64)
    for feature in features.values():  # one after the other, so that a key never overflows
        position = feature.values
        if feature.form != "categorical":
            _, position = np.unique(position, return_inverse=True)
        _, situation = np.unique(situation * (position.max() + 1) + position, return_inverse=True)
    return {**columns, SITUATION: situation.astype(np.int32)}, features


def of_columns(
    context: Mapping[str, Feature], columns: Mapping[str, np.ndarray]
) -> dict[str, Feature]:
    """The same context of other rows, whose columns these are."""
    return {name: replace(feature, values=columns[name]) for name, feature in context.items()}


def encoded(feature: Feature, values: object, name: str) -> np.ndarray:
    """Values of a context column as it has them, `[n]`.

    Args:
        feature: What the column means.
        values: Texts, or numbers.
        name: Of the column.

    Raises:
        DataError: A text is none of the column's, or a number is not finite.
    """
    if feature.form == "categorical":
        texts = np.asarray(values).astype(str)
        places, there = places_in(feature.names, texts)
        if not there.all():
            known = ", ".join(map(repr, feature.names[:10].tolist()))
            wrong = str(texts[~there][0])
            raise DataError(f"context {name!r}: expected one of {known}, found {wrong!r}")
        return places.astype(np.int32)
    numbers = np.asarray(values, np.float32)
    if not np.isfinite(numbers).all():
        raise DataError(f"context {name!r}: expected finite numbers")
    return numbers


def have_context(rows: Interactions) -> bool:
    """Whether rows of one query may ask for several lists."""
    return SITUATION in rows.dtypes


class Requests(NamedTuple):
    """What rows ask lists for: their queries, each in each of its contexts where there are some."""

    numbers: np.ndarray
    """Of the queries, or the situations, ascending, int64 `[requests]`."""
    first: np.ndarray
    """The first row of each, int64 `[requests]`."""
    of_row: np.ndarray
    """Which of them is each row's, int32 `[len(rows)]`."""


def requests_of(rows: Interactions) -> Requests:
    """Find what rows ask for, without sorting them."""
    names = rows.columns[SITUATION if have_context(rows) else "query"]
    there = np.bincount(names) > 0
    numbers = np.flatnonzero(there)
    of_row = (np.cumsum(there, dtype=np.int32) - np.int32(1))[names]
    first = np.empty(len(numbers), np.int64)
    first[of_row[::-1]] = np.arange(len(names) - 1, -1, -1)  # the last to be put is the first row
    return Requests(numbers, first, of_row)
