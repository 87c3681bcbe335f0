"""Tables in files of the user's: CSV, TSV and Parquet, read in batches, faults by line."""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from mtbench.config.options import Options, SuitePath
from mtbench.errors import DataError, did_you_mean
from mtbench.extras import require

BLOCK = 2**24
"""Bytes of text that are parsed at once."""
ROWS = 2**18
"""Rows of a Parquet file that are read at once."""
PARQUET = b"PAR1"
"""What a Parquet file begins and ends with."""
COMPRESSED = (".gz", ".bz2", ".zst", ".lz4")
DELIMITERS = (",", "\t", ";", "|", " ", ":")


class TableFile(Options):
    """A file with a table: a text with a line for each row, or Parquet."""

    path: SuitePath = "ratings.csv"
    """The file, relative to the suite's file: text, also compressed (.gz, .bz2, .zst, .lz4), or
    Parquet."""
    delimiter: str | None = Field(None, min_length=1, max_length=1)
    """What separates the columns of a text; default: a tab where the file is called .tsv, else a
    comma."""
    header: tuple[str, ...] | None = None
    """Names of the columns of a text whose first line is a row; default: it names them."""
    encoding: str = "utf-8"
    """Encoding of a text."""

    @field_validator("encoding")
    @classmethod
    def _is_encoding(cls, encoding: str) -> str:
        try:
            return codecs.lookup(encoding).name
        except LookupError:
            raise ValueError("expected an encoding, such as utf-8 or latin-1") from None


class TableReader:
    """Reads some columns of a table.

    Attributes:
        name: How messages call the file.
    """

    def __init__(self, file: TableFile) -> None:
        self._path = Path(file.path).expanduser()
        self.name = file.path
        self._encoding = file.encoding
        self._header = file.header
        tabs = ".tsv" in self._path.suffixes
        self._delimiter = file.delimiter or ("\t" if tabs else ",")
        self._parquet = False

    def digest(self) -> str:
        """SHA-256 of the file.

        Raises:
            DataError: There is no such file.
        """
        self._find()
        with self._path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    def check(self, wanted: Sequence[str]) -> None:
        """Find what is wrong with the file before its rows are read.

        Args:
            wanted: Names of the columns that are to be read.

        Raises:
            DataError: It is absent, empty or no table, or lacks a column.
        """
        self._find()
        with self._path.open("rb") as stream:
            self._parquet = stream.read(len(PARQUET)) == PARQUET
        if not self._parquet and self._path.suffix in (".parquet", ".pq"):
            raise DataError(f"{self.name}: expected a Parquet file, found another kind")
        names = self._parquet_columns() if self._parquet else self._text_columns(wanted)
        for column in wanted:
            if column not in names:
                near = did_you_mean(column, names)
                raise DataError(f"{self._place(1)}: no column {column!r}{near}{self._hint(names)}")
            if names.count(column) > 1:
                raise DataError(f"{self._place(1)}: column {column!r} is there twice")

    def batches(self, wanted: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        """Read columns, many rows at a time: `pyarrow.Array`s by name, those of a text as strings.

        Raises:
            DataError: The file cannot be read to its end.
        """
        self.check(wanted)
        pyarrow = require("pyarrow", "tables")
        try:
            for batch in self._read_parquet(wanted) if self._parquet else self._read_text(wanted):
                yield {name: batch.column(name) for name in wanted}
        except (pyarrow.ArrowException, OSError) as error:
            raise self._fault(error) from error

    def places(self, rows: Iterable[int]) -> dict[int, str]:
        """Return where some rows, counted from 0, are: `ratings.csv:17`.

        The file is read anew up to the last of them, since rows are not lines: there are a header,
        empty lines, and lines within quotes.
        """
        wanted = sorted(set(rows))
        if self._parquet:
            return {row: f"{self.name}: row {row + 1}" for row in wanted}
        places = {}
        for row, (line, _) in zip(range(wanted[-1] + 1), self._rows(), strict=False):
            if row in wanted:
                places[row] = f"{self.name}:{line}"
        return places

    def _find(self) -> None:
        if not self._path.is_file():
            what = "is a folder, expected a file" if self._path.is_dir() else "no such file"
            raise DataError(f"{self.name}: {what}")
        if not self._path.stat().st_size:
            raise DataError(f"{self.name}: expected a table, found an empty file")
        if not os.access(self._path, os.R_OK):
            raise DataError(f"{self.name}: may not be read")

    def _place(self, line: int) -> str:
        return self.name if self._parquet else f"{self.name}:{line}"

    def _hint(self, names: Sequence[str]) -> str:
        """What a user may have forgotten, where a text lacks a column."""
        if self._parquet or self._header is not None:
            return ""
        if any(name.replace(".", "").isdigit() for name in names):
            return "; where the first line is a row, name the columns in `header`"
        return ""

    def _parquet_columns(self) -> list[str]:
        parquet = require("pyarrow.parquet", "tables")
        try:
            file = parquet.ParquetFile(self._path)
        except Exception as error:  # ArrowInvalid, OSError and others
            raise self._fault(error) from error
        if not file.metadata.num_rows:
            raise DataError(f"{self.name}: expected rows, found none")
        return list(file.schema_arrow.names)

    def _text_columns(self, wanted: Sequence[str]) -> list[str]:
        """Names of the columns of a text, which has at least one row."""
        rows = self._rows(header=True)
        try:
            first = next(rows, None)
            second = first if self._header else next(rows, None)
        except (OSError, EOFError, ValueError, csv.Error) as error:
            raise self._fault(error) from error
        if first is None:
            raise DataError(f"{self.name}: expected a table, found empty lines")
        names = list(self._header or first[1])
        if len(first[1]) == 1 and len(wanted) > 1:
            text = first[1][0]
            for delimiter in DELIMITERS:
                if delimiter in text and (self._header or wanted[0] in text.split(delimiter)):
                    raise DataError(
                        f"{self.name}:{first[0]}: expected columns separated by "
                        f"{self._delimiter!r}, found {text[:80]!r}: is the delimiter {delimiter!r}?"
                    )
        if self._header and len(first[1]) != len(names):
            raise DataError(
                f"{self.name}:{first[0]}: expected the {len(names)} columns of `header`, found "
                f"{len(first[1])}"
            )
        if second is None:
            raise DataError(f"{self.name}: expected rows, found none below the header")
        return names

    def _rows(self, header: bool = False) -> Iterator[tuple[int, list[str]]]:
        """Line and fields of each row of a text, read by Python; with the header as the first."""
        pyarrow = require("pyarrow", "tables")
        with pyarrow.input_stream(str(self._path), compression="detect") as raw:
            encoding = "utf-8-sig" if self._encoding == "utf-8" else self._encoding
            text = io.TextIOWrapper(raw, encoding=encoding, errors="surrogateescape", newline="")
            lines = csv.reader(text, delimiter=self._delimiter)
            rows = ((lines.line_num, fields) for fields in lines if fields)
            if not header and self._header is None:
                next(rows, None)
            yield from rows

    def _read_text(self, wanted: Sequence[str]) -> Iterator[Any]:
        """Batches of a text; its columns are strings, so that this decides what a number is."""
        arrow_csv, pyarrow = require("pyarrow.csv", "tables"), require("pyarrow", "tables")
        with arrow_csv.open_csv(
            str(self._path),
            read_options=arrow_csv.ReadOptions(
                block_size=BLOCK, column_names=self._header, encoding=self._encoding
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=self._delimiter, newlines_in_values=True
            ),
            convert_options=arrow_csv.ConvertOptions(
                include_columns=list(wanted), column_types=dict.fromkeys(wanted, pyarrow.string())
            ),
        ) as batches:
            yield from batches

    def _read_parquet(self, wanted: Sequence[str]) -> Iterator[Any]:
        parquet = require("pyarrow.parquet", "tables")
        yield from parquet.ParquetFile(self._path).iter_batches(ROWS, columns=list(wanted))

    def _fault(self, error: Exception) -> DataError:
        """Say what was wrong where reading failed."""
        if self._parquet:
            with self._path.open("rb") as stream:
                stream.seek(-len(PARQUET), os.SEEK_END)
                whole = stream.read() == PARQUET
            damage = "damaged" if whole else "truncated: its end is missing"
            return DataError(f"{self.name}: the file is {damage}")
        try:
            if place := self._wrong_line():
                return DataError(place)
        except (OSError, EOFError, ValueError, csv.Error):  # Python cannot read it either
            if (suffix := self._path.suffix) in COMPRESSED:
                return DataError(
                    f"{self.name}: cannot be decompressed: it is truncated, or no {suffix}"
                )
        return DataError(f"{self.name}: cannot be read: {' '.join(str(error).split())}")

    def _wrong_line(self) -> str | None:
        """Find a line of another number of fields than the first, or of another encoding."""
        expected = None
        for line, fields in self._rows(header=True):
            expected = len(fields) if expected is None else expected
            if len(fields) != expected:
                return f"{self.name}:{line}: expected {expected} columns, found {len(fields)}"
            if not all(field.isascii() or _is_text(field) for field in fields):
                return (
                    f"{self.name}:{line}: expected text in {self._encoding}, found other bytes: "
                    "name the `encoding`, such as latin-1"
                )
        return None


def _is_text(field: str) -> bool:
    """Whether a field could be decoded: what could not be was put into surrogates."""
    try:
        field.encode()
    except UnicodeEncodeError:
        return False
    return True
