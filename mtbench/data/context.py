"""What is known of an interaction besides who and what before its outcome: its context."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from mtbench.errors import DataError

from .encoding import Feature, Raw, as_values
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
    for values in columns.values():  # one after the other, so that a key never overflows
        _, position = np.unique(values, return_inverse=True)
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
        places = np.minimum(np.searchsorted(feature.names, texts), len(feature.names) - 1)
        wrong = texts[feature.names[places] != texts]
        if len(wrong):
            known = ", ".join(map(repr, feature.names[:10].tolist()))
            raise DataError(f"context {name!r}: expected one of {known}, found {str(wrong[0])!r}")
        return places.astype(np.int32)
    numbers = np.asarray(values, np.float32)
    if not np.isfinite(numbers).all():
        raise DataError(f"context {name!r}: expected finite numbers")
    return numbers


def requests_of(rows: Interactions) -> np.ndarray:
    """Number of what each row asks a list for: its query, in its context where there is one."""
    columns = rows.columns
    return columns[SITUATION] if SITUATION in columns else columns["query"]
