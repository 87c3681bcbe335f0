"""Tables in files of the user's: CSV, TSV and Parquet, read in batches, faults by line."""

from __future__ import annotations

import codecs
import functools
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from mtbench.config.options import Options, SuitePath
from mtbench.errors import DataError, did_you_mean
from mtbench.extras import require

from .kinds import HEAD, PARQUET
from .made import MADE, made
from .quotes import Breaks
from .text import Dialect, TextTable

ROWS = 2**18
"""Rows of a Parquet file that are read at once."""
TABS = (".tsv", ".tab", ".inter")
"""How texts are called whose columns a tab separates, and whose quotes are part of the text."""


class TableFile(Options):
    """A file with a table: a text with a line for each row, or Parquet."""

    path: SuitePath = "ratings.csv"
    """The file, relative to the suite's file: text, also compressed (.gz, .bz2, .zst, .lz4), or
    Parquet."""
    delimiter: str | None = Field(None, min_length=1, max_length=1)
    """What separates the columns of a text; default: a tab where the file is called .tsv, .tab or
    .inter, else a comma."""
    quoting: bool | None = None
    """Whether double quotes around a text's values are no part of them, so that they may hold
    delimiters and line breaks; default: not where a tab separates the columns."""
    header: tuple[str, ...] | None = None
    """Names of the columns of a text whose first line is a row; default: it names them."""
    encoding: str = "utf-8"
    """Encoding of a text."""
    drop_missing: tuple[str, ...] = ()
    """Columns of the file, of those that are read; a row that lacks a value of one is left out,
    and counted."""

    @field_validator("encoding")
    @classmethod
    def _is_encoding(cls, encoding: str) -> str:
        try:
            name = codecs.lookup(encoding).name
            "a".encode(name)  # base64 and others are codecs, and of no text
        except LookupError:
            raise ValueError("expected an encoding, such as utf-8 or latin-1") from None
        return name

    @field_validator("delimiter")
    @classmethod
    def _is_delimiter(cls, delimiter: str | None) -> str | None:
        if delimiter and (delimiter in '"\r\n\0' or not delimiter.isascii()):
            raise ValueError("expected an ASCII character, and neither a quote nor a line break")
        return delimiter

    def dialect(self) -> Dialect:
        """How its text is written."""
        tabs = any(suffix in TABS for suffix in Path(self.path).suffixes)
        delimiter = self.delimiter or ("\t" if tabs else ",")
        quoting = delimiter != "\t" if self.quoting is None else self.quoting
        return Dialect(delimiter, quoting, self.header, self.encoding)


class ParquetTable:
    """A Parquet file."""

    breaks = Breaks()

    def __init__(self, name: str, path: Path) -> None:
        self._name, self._path = name, path

    def columns(self, wanted: Sequence[str]) -> list[str]:
        """Names of its columns; it has a row at least."""
        file = self._open()
        if not file.metadata.num_rows:
            raise DataError(f"{self._name}: expected rows, found none")
        return list(file.schema_arrow.names)

    def batches(self, wanted: Sequence[str]) -> Iterator[Any]:
        """Read columns."""
        try:
            yield from self._open().iter_batches(ROWS, columns=list(wanted))
        except (require("pyarrow", "tables").ArrowException, OSError) as error:
            raise self._damaged() from error

    def hint(self, names: Sequence[str]) -> str:
        """What a user may have forgotten, where a column is lacking."""
        return ""

    def place_of_names(self) -> str:
        """Where the names of its columns are."""
        return self._name

    def places(self, rows: Sequence[int]) -> dict[int, str]:
        """Where rows are."""
        return {row: f"{self._name}: row {row + 1}" for row in rows}

    def check_quotes(self, first: bool) -> None:
        """It has none."""

    def _open(self) -> Any:
        parquet = require("pyarrow.parquet", "tables")
        try:
            return parquet.ParquetFile(self._path)
        except Exception as error:  # ArrowInvalid, OSError and others
            raise self._damaged() from error

    def _damaged(self) -> DataError:
        with self._path.open("rb") as stream:
            stream.seek(-len(PARQUET), os.SEEK_END)
            whole = stream.read() == PARQUET
        damage = "damaged" if whole else "truncated: its end is missing"
        return DataError(f"{self._name}: the file is {damage}")


class TableReader:
    """Reads some columns of a table.

    Attributes:
        name: How messages call the file.
        drop_missing: Columns without which a row is left out.
    """

    def __init__(self, file: TableFile) -> None:
        self._path = Path(file.path).expanduser()
        self.name, self.drop_missing = file.path, file.drop_missing
        self._dialect = file.dialect()

    def digest(self) -> str:
        """SHA-256 of the file.

        Raises:
            DataError: There is no such file.
        """
        self._find()
        with self._path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    def columns(self, wanted: Sequence[str] = ()) -> list[str]:
        """Names of all columns.

        Args:
            wanted: Names that are hoped for, by which messages guess what is wrong.

        Raises:
            DataError: The file is absent, empty or no table.
        """
        return self.table.columns(wanted)

    def check(self, wanted: Mapping[str, str]) -> None:
        """Find what is wrong with the file before its rows are read.

        Args:
            wanted: Names of the columns that are to be read, with what to do where one is lacking.

        Raises:
            DataError: It is absent, empty or no table, or lacks a column.
        """
        names = self.columns([name for name in wanted if name not in MADE])
        place = self.table.place_of_names()
        for column, way_out in wanted.items():
            if column in MADE:
                continue
            if column not in names:
                near = did_you_mean(column, MADE if column.startswith("#") else names)
                hint = self.table.hint(names) or way_out
                raise DataError(f"{place}: no column {column!r}{near}{hint}")
            if names.count(column) > 1:
                raise DataError(f"{place}: column {column!r} is there twice")

    def batches(self, wanted: Sequence[str], first: bool = False) -> Iterator[Mapping[str, Any]]:
        """Read columns, many rows at a time: `pyarrow.Array`s by name, those of a text as strings.

        Args:
            wanted: Their names, which `check` found.
            first: Only the first batches are going to be read.

        Raises:
            DataError: The file cannot be read to its end.
        """
        self.table.check_quotes(first)
        read = [name for name in wanted if name not in MADE] or self.columns()[:1]
        for batch in self.table.batches(read):
            yield {
                name: made(name, self._path, batch.num_rows) if name in MADE else batch.column(name)
                for name in wanted
            }

    @property
    def breaks(self) -> Breaks:
        """Line breaks within quotes, once `batches` was read."""
        return self.table.breaks

    @property
    def is_text(self) -> bool:
        """Whether it is no Parquet."""
        return isinstance(self.table, TextTable)

    def places(self, rows: Iterable[int]) -> dict[int, str]:
        """Return where some rows, counted from 0, are: `ratings.csv:17`."""
        return self.table.places(sorted(set(rows)))

    @functools.cached_property
    def table(self) -> TextTable | ParquetTable:
        """What the file is."""
        self._find()
        with self._path.open("rb") as stream:
            head = stream.read(HEAD)
        if head.startswith(PARQUET):
            return ParquetTable(self.name, self._path)
        table = TextTable(self.name, self._path, self._dialect, head)
        if self._path.suffix in (".parquet", ".pq"):
            raise DataError(f"{self.name}: expected a Parquet file, found text")
        return table

    def _find(self) -> None:
        if not self._path.is_file():
            what = "is a folder, expected a file" if self._path.is_dir() else "no such file"
            raise DataError(f"{self.name}: {what}")
        if not self._path.stat().st_size:
            raise DataError(f"{self.name}: expected a table, found an empty file")
        if not os.access(self._path, os.R_OK):
            raise DataError(f"{self.name}: may not be read")
