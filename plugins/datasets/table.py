"""A user's own interactions: CSV, TSV or Parquet."""

from __future__ import annotations

import difflib
import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
from pydantic import Field, model_validator

import mtbench
from mtbench.data import Coded, Form, Ids, Known, Raw, as_text
from mtbench.data.tables import (
    Column,
    Lists,
    Reals,
    TableFile,
    TableReader,
    Texts,
    Times,
    Told,
    Unit,
    notes,
    read,
    shown,
)

TIME = "timestamp"
DEFAULT = {"user_rating": "rating", TIME: TIME}
"""Columns that are read where a suite names none."""
MOST = 10
"""Columns of a file that a message names."""
RESERVED = ("query", "candidate", "history")
Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class Read(NamedTuple):
    """Interactions that were read."""

    query: Texts
    candidate: Texts
    columns: Mapping[str, Column]
    told: Told


class FeatureFile(TableFile):
    """A table with a row for each user or item."""

    path: mtbench.SuitePath
    """The file, relative to the suite's file, as that of the interactions."""
    id: str | None = None
    """Column with the id; default: as in the interactions."""
    columns: dict[str, Form] = Field(min_length=1)
    """Form of each column to read: `categorical`, `numeric` or `multi_hot`. A numeric value that is
    missing becomes the mean of the others."""
    separator: str = Field("|", min_length=1)
    """What separates the values of a multi-hot column, unless it holds lists (Parquet)."""

    def describe(self, key: str, interactions: Coded, notices: list[str]) -> Known:
        """Read it.

        Args:
            key: Column of the interactions with the ids.
            interactions: The ids that have an interaction.
            notices: Where to add what is worth saying.

        Returns:
            What is known of every id, those of the file first.
        """
        reader = TableReader(self)
        ids = Texts(self.id or key, is_id=True)
        columns = self._columns()
        told = read(reader, [ids, *columns.values()])
        described = ids.result()
        values = {name: column.result() for name, column in columns.items()}
        rows = _rows_of_ids(reader, ids.name, described, values)
        further = np.setdiff1d(interactions.ids, described.ids)
        if len(further) == len(interactions.ids):
            raise mtbench.DataError(
                f"{reader.name}: column {ids.name!r}: expected ids of the interactions, such as "
                f"{str(interactions.ids[0])!r}, found none of them, but {str(described.ids[0])!r}"
            )
        for column in columns.values():
            if column.missing == told.rows:
                raise mtbench.DataError(
                    f"{reader.name}: column {column.name!r}: expected values, found none"
                )
        notices += [*told.notes, *notes(reader, columns.values())]
        if len(further):
            notices.append(
                f"{reader.name}: lacks {len(further)} of {len(interactions.ids)} values of "
                f"{key!r}, such as {str(further[0])!r}: all their features are missing"
            )
        features = {
            name: _extended(self.columns[name], values[name], rows, len(further))
            for name in columns
        }
        return Known(np.concatenate([described.ids[described.codes[rows]], further]), features)

    def check(self, key: str) -> None:
        """Find what is wrong with its first rows."""
        read(
            TableReader(self),
            [Texts(self.id or key, is_id=True), *self._columns().values()],
            True,
        )

    def _columns(self) -> dict[str, Column]:
        """What reads each feature."""
        columns: dict[str, Column] = {}
        for name, form in self.columns.items():
            if form == "numeric":
                columns[name] = Reals(name, np.float64)
            else:
                columns[name] = Lists(name, self.separator) if form == "multi_hot" else Texts(name)
        return columns


class Table(mtbench.Dataset, TableFile):
    """Interactions in a file: a row for each, a column for who, for what, and for each label.

    Ids are texts or integers, and stay what they are: `007` is not `7`. A label that is missing is
    NaN, which tasks leave out; a label that never changes is refused, since there is nothing to
    learn of it. Reading needs pyarrow: `pip install 'mtbench[tables]'`.
    """

    name = "table"
    query: str = "user_id"
    """Column with the id of the user."""
    candidate: str = "item_id"
    """Column with the id of the item."""
    columns: dict[Name, str] | None = None
    """Columns to read besides, by the name that tasks and splits use: `user_rating` and other
    labels are numbers; `timestamp` is a time: a number, or a date of ISO 8601. Default: of
    `{user_rating: rating, timestamp: timestamp}` those that the file has."""
    timestamp_unit: Unit = "s"
    """What a timestamp that is a number counts since 1970."""
    query_features: FeatureFile | None = None
    """File with features of the users."""
    candidate_features: FeatureFile | None = None
    """File with features of the items. All its items are candidates, rated or not."""

    @model_validator(mode="after")
    def _distinct(self) -> Table:
        for name in RESERVED:
            if name in (self.columns or ()):
                raise ValueError(f"columns: expected a name of your own, found {name!r}")
        if self.query == self.candidate:
            raise ValueError(f"expected two columns of ids, found {self.query!r} twice")
        for side, file in self._files():
            key = getattr(self, side)
            if file and key in file.columns:
                raise ValueError(f"{side}_features: expected features, found the id {key!r}")
        return self

    def require(self) -> None:
        """Look at the files: at their first rows, or at all of them where those are all."""
        read_first = self._read(first=True)
        if read_first.told.whole:
            self._encode(read_first)
        else:
            for side, file in self._files():
                if file:
                    file.check(getattr(self, side))

    def content(self) -> str:
        """The digest of the files: the options name them, not what is in them."""
        return self.source_digest()

    def source_digest(self) -> str:
        """SHA-256 over the files."""
        files = [self, *(file for _, file in self._files() if file)]
        return hashlib.sha256("".join(_digest(file) for file in files).encode()).hexdigest()

    def load(self) -> mtbench.Data:
        """Read all files."""
        return self._encode(self._read())

    def where(self, column: str) -> str:
        """How the suite says which column of the file has what is lacking."""
        taken = {self.query, self.candidate, *self._named().values()}
        others = [name for name in TableReader(self).columns() if name not in taken]
        near = difflib.get_close_matches(DEFAULT.get(column, column), others, n=1)
        name = near[0] if near else others[0] if len(others) == 1 else "..."
        named = ", ".join(f"{key}: {value}" for key, value in self._named().items())
        has = f"the file has also {', '.join(others[:MOST])}" if others else "the file has no other"
        return (
            f"{has}; say which of its columns it is, `columns: "
            f"{{{named}{', ' if named else ''}{column}: {name}}}`"
        )

    def _named(self) -> dict[str, str]:
        """The columns to read, by the name that tasks and splits use."""
        if self.columns is not None:
            return self.columns
        names = TableReader(self).columns([self.query, self.candidate])
        return {name: column for name, column in DEFAULT.items() if column in names}

    def _read(self, first: bool = False) -> Read:
        """Read the interactions, or the first of them."""
        named = self._named()
        query, candidate = (
            Texts(getattr(self, side), is_id=True, way_out=f"; `{side}` says which column it is")
            for side in ("query", "candidate")
        )
        columns: dict[str, Column] = {}
        for name, column in named.items():
            others = ", ".join(f"{key}: {value}" for key, value in named.items() if key != name)
            way_out = f"; where nothing reads {name!r}, say `columns: {{{others}}}`"
            columns[name] = (
                Times(column, self.timestamp_unit, way_out)
                if name == TIME
                else Reals(column, way_out=way_out)
            )
        told = read(TableReader(self), [query, candidate, *columns.values()], first)
        return Read(query, candidate, columns, told)

    def _encode(self, rows: Read) -> mtbench.Data:
        """Read the features too, and encode all of it."""
        query, candidate, columns, told = rows
        reader = TableReader(self)
        notices = [*told.notes, *notes(reader, [query, candidate, *columns.values()])]
        sides = []
        for (side, file), column in zip(self._files(), (query, candidate), strict=True):
            ids = column.result()
            if len(ids.ids) < 2:
                raise mtbench.DataError(
                    f"{reader.name}: column {column.name!r}: expected two different ids or more, "
                    f"found {str(ids.ids[0])!r} only"
                )
            described = file.describe(column.name, ids, notices) if file else None
            sides.append(Ids(getattr(self, side), ids, described))
        self._refuse_constant(reader, columns)
        return mtbench.Data.encode(
            sides[0],
            sides[1],
            {name: column.result() for name, column in columns.items()},
            f"table/{Path(self.path).name}",
            notes=notices,
        )

    def _files(self) -> tuple[tuple[str, FeatureFile | None], ...]:
        """Both sides with their files."""
        return ("query", self.query_features), ("candidate", self.candidate_features)

    def _refuse_constant(self, reader: TableReader, columns: Mapping[str, Column]) -> None:
        """Find a label of which there is nothing to learn."""
        for name, column in columns.items():
            if isinstance(column, Reals) and column.least >= column.most:
                none = column.least > column.most
                constant = "none" if none else f"{column.least:g} in all of them"
                raise mtbench.DataError(
                    f"{reader.name}: column {column.name!r}: expected labels that differ, found "
                    f"{constant}: leave {name!r} out of `columns` for tasks that do without"
                )


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
            raise mtbench.DataError(
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
    if form == "numeric":
        return Raw(form, np.append(values[rows], np.full(number, np.nan)))
    if form == "multi_hot":
        return Raw(form, [*(values[row] for row in rows), *[[]] * number])
    return Raw(form, np.append(as_text(values.ids)[values.codes[rows]], [""] * number))


def _digest(file: TableFile) -> str:
    """SHA-256 of a file, kept while size and time of change stay."""
    path = Path(file.path).expanduser()
    try:
        status = path.stat()
    except OSError:
        return TableReader(file).digest()  # which says what is wrong
    return _digest_of(file.path, status.st_size, status.st_mtime_ns)


@functools.cache
def _digest_of(path: str, size: int, changed: int) -> str:
    return TableReader(TableFile(path=path)).digest()


@mtbench.hookimpl
def mtbench_datasets() -> list[type[mtbench.Dataset]]:
    """Offer the dataset."""
    return [Table]
