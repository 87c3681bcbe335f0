"""A user's table of what is known of users or items, a row for each, or more that agree."""

from __future__ import annotations

import fnmatch
import itertools
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import Field, model_validator

from mtbench.config.options import SuitePath
from mtbench.data.encoding import Coded, Form, Known, Raw, as_text
from mtbench.errors import DataError, did_you_mean

from .columns import Column, Reals, Texts
from .faults import shown
from .file import TableReader
from .ids import ids
from .lists import Lists, Vectors
from .reading import notes, read
from .several import TableFiles


class FeatureFile(TableFiles):
    """A table with a row for each user or item."""

    path: SuitePath
    """The file, relative to the suite's file, as that of the interactions."""
    id: str | None = None
    """Column with the id, or `"#row"`; default: as in the interactions."""
    columns: dict[str, Form] = Field({})
    """Form of each column to read: `categorical`, `numeric`, `multi_hot` or `vector`, which are
    lists of numbers. A number that is missing becomes the mean of the others."""
    vectors: dict[str, str | Annotated[tuple[str, ...], Field(min_length=1)]] = Field({})
    """Vectors whose numbers have a column each: by name their columns, or a pattern such as
    `plot_*`, in the order of the file."""
    separator: str = Field("|", min_length=1)
    """What separates the values of a multi-hot column, unless it holds lists (Parquet), and the
    numbers of a vector, as commas and blanks do."""

    @model_validator(mode="after")
    def _has_features(self) -> FeatureFile:
        if not self.columns and not self.vectors:
            raise ValueError("expected columns, vectors or both, found neither")
        for name in self.columns.keys() & self.vectors.keys():
            raise ValueError(f"vectors: expected another name than a column's, found {name!r}")
        return self

    def describe(self, key: str, interactions: Coded, notices: list[str]) -> Known:
        """Read it.

        Args:
            key: Column of the interactions with the ids.
            interactions: The ids that have an interaction.
            notices: Where to add what is worth saying.

        Returns:
            What is known of every id, those of the file first.
        """
        reader = self.reader()
        column_of_ids = ids(self.id or key)
        columns = self._columns(reader)
        told = read(reader, [column_of_ids, *itertools.chain(*columns.values())])
        described = column_of_ids.result()
        values = {name: _result(each) for name, each in columns.items()}
        rows = _rows_of_ids(reader, column_of_ids.name, described, values)
        further = np.setdiff1d(interactions.ids, described.ids)
        if len(further) == len(interactions.ids):
            raise DataError(
                f"{reader.name}: column {column_of_ids.name!r}: expected ids of the interactions, "
                f"such as {str(interactions.ids[0])!r}, found none of them, but "
                f"{str(described.ids[0])!r}"
            )
        for column in itertools.chain(*columns.values()):
            if column.missing == told.rows:
                raise DataError(
                    f"{reader.name}: column {column.name!r}: expected values, found none"
                )
        single = [columns[name][0] for name in self.columns]
        notices += [*told.notes, *notes(reader, single)]
        notices += [
            f"{reader.name}: {name!r}: vectors of {len(columns[name])} columns, from "
            f"{columns[name][0].name!r} to {columns[name][-1].name!r}"
            for name in self.vectors
        ]
        if len(further):
            notices.append(
                f"{reader.name}: lacks {len(further)} of {len(interactions.ids)} values of "
                f"{key!r}, such as {str(further[0])!r}: all their features are missing"
            )
        features = {
            name: _extended(self.columns.get(name, "vector"), values[name], rows, len(further))
            for name in columns
        }
        return Known(np.concatenate([described.ids[described.codes[rows]], further]), features)

    def names(self) -> tuple[str, ...]:
        """What its features are called."""
        return (*self.columns, *self.vectors)

    def check(self, key: str) -> None:
        """Find what is wrong with its first rows."""
        reader = self.reader()
        columns = itertools.chain(*self._columns(reader).values())
        read(reader, [ids(self.id or key), *columns], first=True)

    def _columns(self, reader: TableReader) -> dict[str, list[Column]]:
        """What reads each feature."""
        columns: dict[str, list[Column]] = {
            name: [_column(name, form, self.separator)] for name, form in self.columns.items()
        }
        for name, numbers in self.vectors.items():
            names: Sequence[str] = numbers if isinstance(numbers, tuple) else ()
            if isinstance(numbers, str):
                known = reader.columns()
                names = fnmatch.filter(known, numbers)
                if not names:
                    raise DataError(
                        f"{reader.name}: vectors: no column {numbers!r}"
                        f"{did_you_mean(numbers, known)}"
                    )
            columns[name] = [Reals(each) for each in names]
        return columns


def _column(name: str, form: Form, separator: str) -> Column:
    """What reads a column of a form."""
    if form == "numeric":
        return Reals(name, np.float64)
    if form == "multi_hot":
        return Lists(name, separator)
    return Vectors(name, separator) if form == "vector" else Texts(name)


def _result(columns: Sequence[Column]) -> Any:
    """The values of a feature, a vector's of several columns."""
    values = [column.result() for column in columns]
    return values[0] if len(values) == 1 else np.stack(values, 1)


def _rows_of_ids(
    reader: TableReader, column: str, ids: Coded, features: Mapping[str, Any]
) -> np.ndarray:
    """The first row of each id; its others have to say the same, as in one table of everything.

    Raises:
        DataError: Two rows of an id differ.
    """
    first = np.full(len(ids.ids), len(ids.codes))
    np.minimum.at(first, ids.codes, np.arange(len(ids.codes)))
    of_id = first[ids.codes]
    for name, values in features.items():
        if len(first) < len(ids.codes) and len(rows := _differing(values, of_id)):
            row, before = int(rows[0]), int(of_id[rows[0]])
            one, other = (shown(_value(values, n)) for n in (row, before))
            places = reader.places([row, before])
            raise DataError(
                f"{places[row]}: column {column!r}: {str(ids.ids[ids.codes[row]])!r} is there "
                f"twice, with {name} {one}, and {other} at {places[before]}"
            )
    return np.sort(first)


def _differing(values: Any, of_id: np.ndarray) -> np.ndarray:
    """Rows that say otherwise than the first row of their id."""
    if isinstance(values, list):
        return np.flatnonzero(
            [set(each) != set(values[n]) for each, n in zip(values, of_id, strict=True)]
        )
    numbers = values.codes if isinstance(values, Coded) else values
    equal = numbers == numbers[of_id]
    if numbers.dtype.kind == "f":
        equal |= np.isnan(numbers) & np.isnan(numbers[of_id])
    return np.flatnonzero(~equal.reshape(len(of_id), -1).all(1))


def _value(values: Any, row: int) -> Any:
    """The value in a row, as a message has it."""
    value = str(values.ids[values.codes[row]]) if isinstance(values, Coded) else values[row]
    return value.item() if isinstance(value, np.generic) else value


def _extended(form: Form, values: Any, rows: np.ndarray, number: int) -> Raw:
    """A feature of some rows, with a missing value for each of some further ids."""
    if form == "categorical":
        codes = np.append(values.codes[rows], np.full(number, len(values.ids), np.int32))
        return Raw(form, Coded(np.append(as_text(values.ids), ""), codes))
    if form == "multi_hot":
        return Raw(form, [*(values[row] for row in rows), *[[]] * number])
    found = values if len(rows) == len(values) else values[rows]  # rows are in order
    if form == "vector":
        found = found.reshape(len(rows), -1)
    missing = np.full((number, *found.shape[1:]), np.nan, found.dtype)
    return Raw(form, np.concatenate([found, missing]) if number else found)
