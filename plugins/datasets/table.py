"""A user's own interactions: CSV, TSV or Parquet."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field, model_validator

import mtbench
from mtbench.data import Coded, Form, Ids, Known, Raw, as_text
from mtbench.data.tables import (
    Column,
    Lists,
    PartNames,
    Reals,
    TableFile,
    TableReader,
    TablesReader,
    Texts,
    Times,
    Unit,
    digest_of,
    notes,
    read,
)

TIME, PART = "timestamp", "part"
RESERVED = ("query", "candidate", "history")
Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


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
        ids = Texts(self.id or key, required=True)
        columns = self._columns()
        rows, _ = read(reader, [ids, *columns.values()])
        described = ids.result()
        _refuse_twice(reader, ids.name, described)
        further = np.setdiff1d(interactions.ids, described.ids)
        if len(further) == len(interactions.ids):
            raise mtbench.DataError(
                f"{reader.name}: column {ids.name!r}: expected ids of the interactions, such as "
                f"{str(interactions.ids[0])!r}, found none of them, but {str(described.ids[0])!r}"
            )
        for column in columns.values():
            if column.missing == rows:
                raise mtbench.DataError(
                    f"{reader.name}: column {column.name!r}: expected values, found none"
                )
        notices += notes(reader, columns.values())
        if len(further):
            notices.append(
                f"{reader.name}: lacks {len(further)} of {len(interactions.ids)} values of "
                f"{key!r}, such as {str(further[0])!r}: all their features are missing"
            )
        features = {
            name: _extended(self.columns[name], column, len(further))
            for name, column in columns.items()
        }
        return Known(np.concatenate([described.ids[described.codes], further]), features)

    def check(self, key: str) -> None:
        """Find what is wrong with its first rows."""
        read(
            TableReader(self),
            [Texts(self.id or key, required=True), *self._columns().values()],
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
    columns: dict[Name, str] = Field({"user_rating": "rating", TIME: TIME})
    """Columns to read besides, by the name that tasks and splits use: `user_rating` and other
    labels are numbers; `timestamp` is a time: a number, or a date of ISO 8601; `part` is the part
    that a row is of (train, validation or test; in none where it is empty), for split `column`."""
    further: tuple[mtbench.SuitePath, ...] = ()
    """Further files of the same columns, whose rows follow those of the first."""
    timestamp_unit: Unit = "s"
    """What a timestamp that is a number counts since 1970."""
    query_features: FeatureFile | None = None
    """File with features of the users."""
    candidate_features: FeatureFile | None = None
    """File with features of the items. All its items are candidates, rated or not."""

    @model_validator(mode="after")
    def _distinct(self) -> Table:
        for name in RESERVED:
            if name in self.columns:
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
        reader, query, candidate, columns, whole = self._read(first=True)
        if whole:
            self._encode(reader, query, candidate, columns)
        else:
            for side, file in self._files():
                if file:
                    file.check(getattr(self, side))

    def content(self) -> str:
        """The digest of the files: the options name them, not what is in them."""
        return self.source_digest()

    def source_digest(self) -> str:
        """SHA-256 over the files."""
        further = [self.model_copy(update={"path": path}) for path in self.further]
        files = [self, *further, *(file for _, file in self._files() if file)]
        return hashlib.sha256("".join(digest_of(file) for file in files).encode()).hexdigest()

    def load(self) -> mtbench.Data:
        """Read all files."""
        reader, query, candidate, columns, _ = self._read()
        return self._encode(reader, query, candidate, columns)

    def _read(
        self, first: bool = False
    ) -> tuple[TableReader, Texts, Texts, dict[str, Column], bool]:
        """Read the interactions, or the first of them; the last says whether these are all."""
        reader = TablesReader(self, self.further) if self.further else TableReader(self)
        query, candidate = (Texts(name, required=True) for name in (self.query, self.candidate))
        columns = {name: self._column(name, column) for name, column in self.columns.items()}
        _, whole = read(reader, [query, candidate, *columns.values()], first)
        return reader, query, candidate, columns, whole

    def _column(self, name: str, column: str) -> Column:
        """What reads a column of the interactions, by the name it is used by."""
        if name == TIME:
            return Times(column, self.timestamp_unit)
        return PartNames(column) if name == PART else Reals(column)

    def _encode(
        self, reader: TableReader, query: Texts, candidate: Texts, columns: Mapping[str, Column]
    ) -> mtbench.Data:
        """Read the features too, and encode all of it."""
        notices = notes(reader, [query, candidate, *columns.values()])
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


def _refuse_twice(reader: TableReader, column: str, ids: Coded) -> None:
    """Find an id that two rows are about."""
    first = np.unique(ids.codes, return_index=True)[1]
    if len(first) < len(ids.codes):
        row = int(np.setdiff1d(np.arange(len(ids.codes)), first)[0])
        places = reader.places([row, before := int(first[ids.codes[row]])])
        raise mtbench.DataError(
            f"{places[row]}: column {column!r}: {str(ids.ids[ids.codes[row]])!r} is there twice, "
            f"first at {places[before]}"
        )


def _extended(form: Form, column: Column, number: int) -> Raw:
    """A feature, with a missing value for each of some further ids."""
    values = column.result()
    if form == "numeric":
        return Raw(form, np.append(values, np.full(number, np.nan)))
    if form == "multi_hot":
        return Raw(form, [*values, *[[]] * number])
    return Raw(form, np.append(as_text(values.ids)[values.codes], [""] * number))


@mtbench.hookimpl
def mtbench_datasets() -> list[type[mtbench.Dataset]]:
    """Offer the dataset."""
    return [Table]
