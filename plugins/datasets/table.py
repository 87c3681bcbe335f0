"""A user's own interactions: CSV, TSV or Parquet."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import numpy as np
from pydantic import Field, model_validator

import mtbench
from mtbench.data import RESERVED, ColumnName, Ids, Raw
from mtbench.data.tables import (
    ROW,
    Column,
    FeatureFile,
    Levels,
    PartNames,
    Reals,
    TableFiles,
    TableReader,
    Texts,
    Times,
    Told,
    Unit,
    ids,
    notes,
    read,
)

TIME, PART = "timestamp", "part"
DEFAULT = {"user_rating": "rating", TIME: TIME}
"""Columns that are read where a suite names none."""
MOST = 10
"""Columns of a file that a message names."""
Level = Annotated[float, Field(allow_inf_nan=False)]


class Read(NamedTuple):
    """Interactions that were read."""

    reader: TableReader
    query: Column
    candidate: Column
    columns: Mapping[str, Column]
    context: Mapping[str, Column]
    told: Told


class Table(mtbench.Dataset, TableFiles):
    """Interactions in a file: a row for each, a column for who, for what, and for each label.

    Ids are texts or integers, and stay what they are: `007` is not `7`. A label that is missing is
    NaN, which tasks leave out; a label that never changes is refused, since there is nothing to
    learn of it. Reading needs pyarrow: `pip install 'mtbench[tables]'`.
    """

    name = "table"
    query: str = "user_id"
    """Column with the id of the user; `"#row"` makes each row a user of its own."""
    candidate: str = "item_id"
    """Column with the id of the item; `"#row"` makes each row an item of its own, of which features
    say what it is."""
    columns: dict[ColumnName, str] | None = None
    """Columns to read besides, by the name that tasks and splits use: `user_rating` and other
    labels are numbers; `timestamp` is a time: a number, or a date of ISO 8601; `part` is the part
    that a row is of (train, validation or test; in none where it is empty), for split `column`.
    `"#file"` in place of a column is the file's name, such as `train` for the rows of `train.csv`.
    Default: of `{user_rating: rating, timestamp: timestamp}` those that the file has."""
    context: dict[ColumnName, Literal["categorical", "numeric"]] = Field({})
    """Columns with what is known of an interaction before its outcome, such as the device, and the
    form of each: towers of the query side read it (`context: [device]`), and lists are scored for
    each context of a user. A number that is missing becomes the mean of the others."""
    levels: dict[ColumnName, Annotated[dict[str, Level], Field(min_length=1)]] = Field({})
    """Numbers for the texts of a label, by its name under `columns`: with `{behavior: {view: 1,
    buy: 2}}` a task whose threshold is 2 is about what was bought."""
    timestamp_unit: Unit = "s"
    """What a timestamp that is a number counts since 1970."""
    query_features: FeatureFile | None = None
    """File with features of the users."""
    candidate_features: FeatureFile | None = None
    """File with features of the items. All its items are candidates, rated or not."""

    @model_validator(mode="after")
    def _distinct(self) -> Table:
        for option in ("columns", "context"):
            for name in RESERVED:
                if name in (getattr(self, option) or ()):
                    raise ValueError(f"{option}: expected a name of your own, found {name!r}")
        for name in self.levels:
            if name not in (self.columns or ()) or name in (TIME, PART):
                raise ValueError(f"levels: expected a label of `columns`, found {name!r}")
        if self.query == self.candidate != ROW:
            raise ValueError(f"expected two columns of ids, found {self.query!r} twice")
        for side, file in self._files():
            key = getattr(self, side)
            if file and key in file.names():
                raise ValueError(f"{side}_features: expected features, found the id {key!r}")
        return self

    @model_validator(mode="after")
    def _context_is_no_other(self) -> Table:
        labels = DEFAULT if self.columns is None else self.columns
        features = self.query_features.names() if self.query_features else ()
        for name in self.context:
            for taken, what in (
                ((self.query, self.candidate), "is that of ids"),
                ((*labels, *labels.values()), "is a label, a time or a part"),
                (features, "is what a feature of users is called"),
            ):
                if name in taken:
                    raise ValueError(f"context: expected another column: {name!r} {what}")
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
        files: list[TableFiles] = [self, *(file for _, file in self._files() if file)]
        return hashlib.sha256("".join(file.digest() for file in files).encode()).hexdigest()

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
        reader = self.reader()
        named = self._named()
        query, candidate = (
            ids(getattr(self, side), way_out=f"; `{side}` says which column it is")
            for side in ("query", "candidate")
        )
        columns: dict[str, Column] = {}
        for name, column in named.items():
            others = ", ".join(f"{key}: {value}" for key, value in named.items() if key != name)
            way_out = f"; where nothing reads {name!r}, say `columns: {{{others}}}`"
            columns[name] = self._column(name, column, way_out)
        context: dict[str, Column] = {
            name: Texts(name) if form == "categorical" else Reals(name, np.float64)
            for name, form in self.context.items()
        }
        told = read(reader, [query, candidate, *columns.values(), *context.values()], first)
        return Read(reader, query, candidate, columns, context, told)

    def _column(self, name: str, column: str, way_out: str) -> Column:
        """What reads a column of the interactions, by the name it is used by."""
        if name == TIME:
            return Times(column, self.timestamp_unit, way_out)
        if name in self.levels:
            return Levels(column, self.levels[name], way_out)
        return PartNames(column, way_out) if name == PART else Reals(column, way_out=way_out)

    def _encode(self, rows: Read) -> mtbench.Data:
        """Read the features too, and encode all of it."""
        reader, query, candidate, columns, context, told = rows
        read_of_rows = (query, candidate, *columns.values(), *context.values())
        notices = [*told.notes, *notes(reader, read_of_rows)]
        sides = []
        for (side, file), column in zip(self._files(), (query, candidate), strict=True):
            found = column.result()
            if len(found.ids) < 2:
                raise mtbench.DataError(
                    f"{reader.name}: column {column.name!r}: expected two different ids or more, "
                    f"found {str(found.ids[0])!r} only"
                )
            described = file.describe(column.name, found, notices) if file else None
            key = f"{side}_row" if column.name == ROW else column.name
            sides.append(Ids(key, found, described))
        self._refuse_constant(reader, columns)
        data = mtbench.Data.encode(
            sides[0],
            sides[1],
            {name: column.result() for name, column in columns.items()},
            f"table/{Path(self.path).name}",
            notes=notices,
        )
        if not context:
            return data
        values = {name: column.result() for name, column in context.items()}
        return data.with_context({name: Raw(self.context[name], values[name]) for name in context})

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


@mtbench.hookimpl
def mtbench_datasets() -> list[type[mtbench.Dataset]]:
    """Offer the dataset."""
    return [Table]
